import { z } from "zod";

import { Hazard } from "#config/schema.ts";
import { type Job, job } from "#jobs/job.ts";

import { applyConfigured } from "./migrate-work.ts";
import { planMirror } from "./mirror.ts";
import { configuredRequest, mirrorUnattended, planRows, reportOf } from "./mirror-work.ts";

const hourMs = 3_600_000;

export const jobNames = { plan: "databases.mirror-plan", mirror: "databases.mirror", migrate: "databases.migrate" };

/** What the worker does to the two databases. */
export const databaseJobs: readonly Job[] = [
  job({
    name: jobNames.plan,
    data: z.strictObject({}),
    timeoutMs: hourMs,
    run: async (app, _data, { signal, progress }) => {
      const work = { signal, progress };
      const request = await configuredRequest(app, []);
      const report = reportOf(await planMirror(app, request.spec, work));
      return { ...report, rows: await planRows(request, work) };
    },
  }),
  job({
    name: jobNames.mirror,
    data: z.strictObject({ allow: z.array(Hazard) }),
    timeoutMs: 4 * hourMs,
    run: (app, { allow }, { actor, signal, progress }) => mirrorUnattended(app, { allow, actor }, { signal, progress }),
  }),
  job({
    name: jobNames.migrate,
    data: z.strictObject({ environment: z.enum(["dev", "prod"]) }),
    timeoutMs: 4 * hourMs,
    // A file that failed fails again, and one that was interrupted asks a person.
    retryLimit: 0,
    run: async (app, { environment }, { actor, signal, progress }) => {
      const onApplied = ({ name }: { name: string }): void => progress(`applied ${name}`);
      return { environment, ...(await applyConfigured(app, environment, { actor, signal, onApplied })) };
    },
  }),
];
