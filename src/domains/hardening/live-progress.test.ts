import assert from "node:assert/strict";
import { test } from "node:test";

import { openLiveProgress } from "./live-progress.ts";
import type { StepOutline } from "./progress.ts";

test("a drawing that is closed in the middle of a run ends, also with the tasks that had not begun", async () => {
  const outline = (action: string): StepOutline => ({
    step: { section: 1, environment: "dev", action },
    title: action,
    outcome: undefined,
  });
  const live = openLiveProgress(() => undefined);
  live.report({
    kind: "run",
    runId: "0",
    resumed: false,
    sections: [{ number: 1, title: "Mirroring", steps: [outline("first"), outline("second")] }],
  });
  live.report({ kind: "step", step: { section: 1, environment: "dev", action: "first" }, phase: "apply" });

  const closed = await live.close().then(() => true);

  assert.equal(closed, true);
});
