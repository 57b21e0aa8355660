import { z } from "zod";

import type { Domain, ServerApp } from "#domain.ts";
import { AppError } from "#errors.ts";
import { requireActor, type Route, route } from "#http/route.ts";
import { createSharedRead } from "#store/shared-read.ts";

import { listRuns } from "./list-queries.ts";
import { findRun } from "./queries.ts";
import { requestResume, requestRun } from "./queued-run.ts";
import { RunProgressEvent, watchRuns } from "./run-progress.ts";
import { readRunView, RunSummary, RunView, summarizeRun } from "./run-view.ts";

const RunPath = z.object({ id: z.uuid() });
const RunPage = z.object({
  before: z.iso.datetime().optional().describe("Only runs begun before this instant: the next page"),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
const NewRun = z.strictObject({ section: z.int().min(1).optional().describe("Only this section") });
const Requested = z.object({ jobId: z.uuid(), runId: z.uuid() });

/** Runs over the sections of the given domains. */
export function hardeningRoutes(app: ServerApp, domains: readonly Domain[]): readonly Route[] {
  return [...readingRoutes(app), ...startingRoutes(app, domains)];
}

function readingRoutes(app: ServerApp): readonly Route[] {
  const platform = app.config.platform.name;
  const watch = watchRuns(app.db);
  const readPage = createSharedRead((page: { before: string | undefined; limit: number }) =>
    listRuns(app.db, platform, page),
  );
  return [
    route({
      method: "GET",
      path: "/runs",
      summary: "Hardening runs of this platform, the newest first",
      permission: "runs:read",
      query: RunPage,
      response: { 200: z.object({ runs: z.array(RunSummary) }) },
      handle: async ({ query: { before, limit } }) => ({
        body: { runs: (await readPage({ before, limit })).map(summarizeRun) },
      }),
    }),
    route({
      method: "GET",
      path: "/runs/:id",
      summary: "A run with its sections, steps and evidence",
      permission: "runs:read",
      params: RunPath,
      response: { 200: RunView },
      handle: async ({ params }) => {
        const run = await readRunView(app.db, platform, params.id);
        if (run === undefined) throw unknownRun(params.id);
        return { body: run };
      },
    }),
    route({
      method: "GET",
      path: "/runs/:id/progress",
      summary: "A run's steps as they change, as server-sent events until it ends",
      description:
        "Each event holds the whole state. Last-Event-ID resumes: nothing is sent until the state is another one.",
      permission: "runs:read",
      params: RunPath,
      response: { 200: RunProgressEvent },
      handle: async ({ params, headers, signal }) => {
        if ((await findRun(app.db, params.id)) === undefined) throw unknownRun(params.id);
        return { events: watch.follow(params.id, { lastEventId: headers["last-event-id"], signal }) };
      },
    }),
  ];
}

function startingRoutes(app: ServerApp, domains: readonly Domain[]): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/runs",
      summary: "Begin a run; the worker carries it out",
      description: "409 while another run is unfinished; the message names it.",
      permission: "runs:start",
      // A run writes to both databases: who may start it may do so on prod.
      environment: "prod",
      body: NewRun,
      response: { 202: Requested },
      handle: async (request) => ({
        body: await requestRun(app, domains, {
          onlySection: request.body.section,
          actor: requireActor(request).name,
        }),
      }),
    }),
    route({
      method: "POST",
      path: "/runs/:id/resume",
      summary: "Go on with a run that was interrupted",
      permission: "runs:start",
      environment: "prod",
      params: RunPath,
      response: { 202: Requested },
      handle: async (request) => ({
        body: await requestResume(app, request.params.id, requireActor(request).name),
      }),
    }),
  ];
}

function unknownRun(id: string): AppError {
  return new AppError("not_found", `there is no run ${id}`, { hint: "List them: GET /runs" });
}
