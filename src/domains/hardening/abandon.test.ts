import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import type { Domain, Step } from "#domain.ts";
import { AppError } from "#errors.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { testApp } from "#test/app.ts";

import { abandonRun } from "./abandon.ts";
import { startRun } from "./hardening.ts";
import { findRun } from "./queries.ts";

const silent = (): void => undefined;

/** Two sections of a step each; the second one's step applies with `apply`. */
function twoSections(apply: Step["apply"]): Domain {
  const step: Step = {
    environment: "dev",
    action: "act",
    title: "act",
    plan: () => Promise.resolve({ state: "ready", summary: "", changes: ["x"], fingerprint: "x", looseEnds: [] }),
    apply: () => Promise.resolve({ state: "applied", notes: [] }),
    verify: () => Promise.resolve({ verified: true, summary: "there", evidence: {}, looseEnds: [] }),
  };
  const sections = [step, { ...step, apply }].map((only, index) => ({
    number: index + 1,
    title: `Title ${index + 1}`,
    wanted: () => true,
    steps: () => [only],
    files: () => [],
  }));
  return { name: "test", sections };
}

/** A run that was interrupted in its second section; whoever worked on it let go of it. */
async function interrupt(app: App): Promise<void> {
  const stopping = new AbortController();
  const domain = twoSections(() => {
    stopping.abort();
    return Promise.resolve({ state: "applied", notes: [] });
  });
  await assert.rejects(startRun({ ...app, signal: stopping.signal }, [domain], { onlySection: undefined }, silent));
}

test("an interrupted run is abandoned once, tells what it left, and the next one begins anew", async (t) => {
  const app = await testApp(t);
  await interrupt(app);

  const abandoned = await abandonRun(app);
  await assert.rejects(abandonRun(app), { code: "not_found" });

  const run = await findRun(app.db, abandoned.runId);
  assert.equal(abandoned.unfinishedSteps, 1);
  assert.equal(run?.state, "failed");
  assert.match(run.looseEnds.find(({ id }) => id === "run-abandoned")?.text ?? "", /abandoned at section 2 dev act$/);
  await sealEvents(app);
  const events = await listEvents(app, { after: 0, limit: 100 });
  assert.equal(events.at(-1)?.outcome, "abandoned");
  assert.equal(events.at(-1)?.notice?.severity, "normal");
  const done = twoSections(() => Promise.resolve({ state: "applied", notes: [] }));
  const next = await startRun(app, [done], { onlySection: undefined }, silent);
  assert.equal(next.rows.run.state, "verified");
});

test("a run that a living process works on is not abandoned", async (t) => {
  const app = await testApp(t);
  let refusal: unknown;
  const domain = twoSections(async () => {
    refusal = await abandonRun(app).catch((error: unknown) => error);
    return { state: "applied", notes: [] };
  });

  const { rows } = await startRun(app, [domain], { onlySection: undefined }, silent);

  assert.ok(refusal instanceof AppError);
  assert.equal(refusal.code, "conflict");
  assert.equal(rows.run.state, "verified");
});
