import { z } from "zod";

import type { Domain } from "#domain.ts";
import { type Job, job } from "#jobs/job.ts";

import { runJobName, workOnRun } from "./queued-run.ts";
import { watchPlatform } from "./watch.ts";

const hourMs = 3_600_000;
/** As often as a run may lose its server before people are asked; the pauses together outlast a lease. */
const runRetries = 8;

/** What the worker does for this domain. */
export function hardeningJobs(domains: readonly Domain[]): readonly Job[] {
  return [
    job({
      name: runJobName,
      data: z.strictObject({ runId: z.uuid() }),
      timeoutMs: 12 * hourMs,
      retryLimit: runRetries,
      run: (app, { runId }, context) => workOnRun(app, domains, runId, context),
    }),
    job({
      name: "hardening.plan",
      data: z.strictObject({}),
      timeoutMs: hourMs,
      run: async (app, _data, { actor, progress }) => ({ ...(await watchPlatform(app, domains, { actor, progress })) }),
    }),
  ];
}
