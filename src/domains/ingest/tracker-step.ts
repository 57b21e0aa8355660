/** Section 5, shared: the tracker that the platform's agents import. */
import { join } from "node:path";

import type { App } from "#app.ts";
import type { ReadyPlan, Step, StepApplied, StepVerdict } from "#domain.ts";
import { describeWriting, digestContent } from "#system/managed-file.ts";

import { trackerPath } from "./section.ts";
import { inspectTracker, writeTracker } from "./tracker.ts";

export const installTracker = {
  plan: planTracker,
  apply: async (app: App): Promise<StepApplied> => {
    await writeTracker(app);
    return { state: "applied", notes: [] };
  },
  verify: verifyTracker,
} satisfies Pick<Step, "plan" | "apply" | "verify">;

async function planTracker(app: App): Promise<ReadyPlan> {
  const tracker = await inspectTracker(app);
  const changes = describeWriting(tracker);
  return {
    state: "ready",
    summary: changes.length === 0 ? `${trackerPath} in place` : changes.join(", "),
    changes,
    fingerprint: digestContent(tracker.content),
    looseEnds: [],
  };
}

async function verifyTracker(app: App): Promise<StepVerdict> {
  const { state, content } = await inspectTracker(app);
  const path = join(app.config.platform.root, trackerPath);
  const verified = state === "current";
  return {
    verified,
    summary: verified ? `${trackerPath} is in place` : `${path} is ${state}`,
    evidence: { path, mode: "0644", sha256: digestContent(content) },
    looseEnds: [],
  };
}
