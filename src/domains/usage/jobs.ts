/** Background work of the ledger. */
import { z } from "zod";

import { AppError } from "#errors.ts";
import { job } from "#jobs/job.ts";

/** Makes the months to come, and drops those whose calls are no longer kept. */
const keep = job({
  name: "usage.keep",
  data: z.object({}),
  timeoutMs: 3_600_000,
  run: async (app, _data, { actor, signal }) => {
    const { keepPartitions } = await import("./retention.ts");
    const kept = await keepPartitions(app, { actor, signal });
    if (kept.busy.length === 0) return kept;
    // Tried again: whoever writes calls must not wait longer than a second for this.
    throw new AppError("unavailable", `${kept.busy.join(", ")} could not be dropped: calls are being written or read`, {
      hint: "Wait for the next time, or end long queries on the store.",
    });
  },
});

export const usageJobs = [keep];
