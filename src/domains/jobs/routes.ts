import { z } from "zod";

import type { Config } from "#config/schema.ts";
import type { ServerApp } from "#domain.ts";
import { AppError } from "#errors.ts";
import { type Route, route } from "#http/route.ts";
import type { Schedule } from "#jobs/job.ts";
import { findJob, listJobs } from "#jobs/queries.ts";
import { retryJob } from "#jobs/retry.ts";
import { JobRecord, JobState } from "#jobs/schema.ts";

import { readSchedules, ScheduleStatus } from "./schedules.ts";

const JobPath = z.object({ id: z.uuid() });
const JobPage = z.object({
  state: JobState.optional(),
  before: z.iso.datetime().optional().describe("Only jobs created before this instant: the next page"),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

/** What the worker has done, does and will do. */
export function jobRoutes(app: ServerApp, listSchedules: (config: Config) => Schedule[]): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/jobs",
      summary: "Jobs, the newest first",
      permission: "jobs:read",
      query: JobPage,
      response: { 200: z.object({ jobs: z.array(JobRecord) }) },
      handle: async ({ query: { state, before, limit } }) => ({
        body: { jobs: await listJobs(app.db, { state, before, limit }) },
      }),
    }),
    route({
      method: "GET",
      path: "/jobs/:id",
      summary: "A job's state, and its answer when it has one",
      permission: "jobs:read",
      params: JobPath,
      response: { 200: JobRecord },
      handle: async ({ params }) => {
        const job = await findJob(app.db, params.id);
        if (job === undefined) throw new AppError("not_found", `there is no job ${params.id}`);
        return { body: job };
      },
    }),
    route({
      method: "POST",
      path: "/jobs/:id/retry",
      summary: "Give a failed job another try",
      // Whoever retries a job does what its requester was allowed: that is for those who may do everything.
      permission: "jobs:retry",
      params: JobPath,
      response: { 202: JobRecord },
      handle: async ({ params }) => ({ body: await retryJob(app.db, params.id) }),
    }),
    route({
      method: "GET",
      path: "/schedules",
      summary: "When what is due by itself, and what came of it last",
      permission: "jobs:read",
      response: { 200: z.object({ schedules: z.array(ScheduleStatus) }) },
      handle: async () => ({ body: { schedules: await readSchedules(app, listSchedules(app.config)) } }),
    }),
  ];
}
