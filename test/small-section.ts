/** A domain of one section with one step, for tests of what goes on around a run. */
import type { Domain, Step } from "#domain.ts";

/** Its step does nothing and is verified, but for what the test says. */
export function singleStepDomain(step: Partial<Step> = {}): Domain {
  const whole: Step = {
    environment: "dev",
    action: "act",
    title: "act",
    plan: () =>
      Promise.resolve({ state: "ready", summary: "1 change", changes: ["x"], fingerprint: "x", looseEnds: [] }),
    apply: () => Promise.resolve({ state: "applied", notes: [] }),
    verify: () => Promise.resolve({ verified: true, summary: "proven", evidence: { count: 1 }, looseEnds: [] }),
    ...step,
  };
  const section = { number: 1, title: "Acts", wanted: () => true, steps: () => [whole], files: () => [] };
  return { name: "test", sections: [section] };
}
