/**
 * Runs that are asked of the server: the rows of a run and the job that carries it
 * out are one transaction. The job only ever goes on with that run, so that a job
 * which is tried again, after a kill for instance, begins nothing twice.
 */
import type { App } from "#app.ts";
import type { Domain, ServerApp } from "#domain.ts";
import { AppError } from "#errors.ts";
import type { JobContext } from "#jobs/job.ts";
import { transaction } from "#store/database.ts";
import { describeProcess } from "#system/process-identity.ts";

import { beginRun, describeUnfinished, resumeRun } from "./hardening.ts";
import { awaitedWorker, isLeft } from "./lease.ts";
import { formatProgress } from "./progress.ts";
import { findRun, handOverLease } from "./queries.ts";
import { standingOf } from "./run-view.ts";

export const runJobName = "hardening.run";

export type RequestedRun = { jobId: string; runId: string };

/** Begins a run and leaves it to the worker. `conflict` shows the unfinished one when there is one. */
export async function requestRun(
  app: ServerApp,
  domains: readonly Domain[],
  request: { onlySection: number | undefined; actor: string },
): Promise<RequestedRun> {
  const { onlySection, actor } = request;
  let jobId = "";
  const run = await beginRun(app, domains, { onlySection, requestedBy: actor }, async (tx, begun) => {
    await handOverLease(tx, { runId: begun.id, attempt: begun.attempt }, awaitedWorker);
    jobId = (await enqueueRun(app, begun.id, { actor, tx })).jobId;
  });
  return { jobId, runId: run.id };
}

/** Leaves an unfinished run to the worker; one that the worker has already is answered. */
export async function requestResume(app: ServerApp, runId: string, actor: string): Promise<RequestedRun> {
  const run = await findRun(app.db, runId);
  if (run === undefined || run.platform !== app.config.platform.name) {
    throw new AppError("not_found", `platform ${app.config.platform.name} has no run ${runId}`);
  }
  if (run.finishedAt !== null) {
    throw new AppError("conflict", `run ${runId} has ended ${standingOf(run)}`, { hint: "Start another one." });
  }
  if (!isLeft(run)) {
    const isOurs = run.leaseOwner === describeProcess() || run.leaseOwner === awaitedWorker;
    if (!isOurs) throw await describeUnfinished(app);
    return { runId, ...(await enqueueRun(app, runId, { actor })) };
  }
  return transaction(app.db, async (tx) => {
    await handOverLease(tx, { runId, attempt: run.attempt }, awaitedWorker);
    return { runId, ...(await enqueueRun(app, runId, { actor, tx })) };
  });
}

/** Carries the run to its end; one that has ended meanwhile is answered as it is. */
export async function workOnRun(
  app: App,
  domains: readonly Domain[],
  runId: string,
  context: JobContext,
): Promise<Record<string, unknown>> {
  const run = await findRun(app.db, runId);
  if (run === undefined) throw new AppError("not_found", `there is no run ${runId}`);
  if (run.finishedAt !== null) return { runId, state: standingOf(run), looseEnds: run.looseEnds.length };
  const result = await resumeRun(app, domains, (progress) => {
    const line = formatProgress(progress);
    if (line !== undefined) context.progress(line);
  });
  const { id, state } = result.rows.run;
  return { runId: id, state, looseEnds: result.rows.looseEnds.length };
}

function enqueueRun(
  app: ServerApp,
  runId: string,
  options: { actor: string; tx?: App["db"] },
): Promise<{ jobId: string }> {
  return app.jobs.enqueue(runJobName, { runId }, { key: `run:${runId}`, ...options });
}
