/**
 * The worker of `leveredge serve`: takes jobs from the queue and does their work in
 * this process, a job of each kind at a time, and keeps the schedules.
 *
 * A fault is tried again with growing pauses; what a second try cannot mend (a
 * refused input, a missing permission) is not. A stop of the server gives a job
 * back without counting it as a try. A job that is given up is told to people.
 */
import type { JobWithMetadata, PgBoss } from "pg-boss";

import type { App } from "#app.ts";
import type { Domain } from "#domain.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { redact } from "#secrets/redact.ts";
import type { Secret } from "#secrets/secret.ts";
import { transaction } from "#store/database.ts";
import { openPool } from "#store/session.ts";

import type { Job, Jobs } from "./job.ts";
import { prepareQueue } from "./prepare-queue.ts";
import { addJobRetry, deadQueue } from "./queries.ts";
import { ensureQueues, type Envelope, offerJobs, openQueue } from "./queue.ts";
import { keepProgress } from "./progress.ts";
import { keepSchedules } from "./scheduler.ts";
import type { JobError } from "./schema.ts";
import { finishTicksOfJob } from "./tick-queries.ts";

export type WorkerOptions = {
  ownerUrl: Secret;
  /** What breaks outside of any job: a lost connection, a schedule that could not be read. */
  onError(error: Error): void;
};

export type Worker = {
  jobs: Jobs;
  /** Whether every queue was asked within the last minute, or is worked on: for readiness. */
  isWorking(): boolean;
  /** Ends what runs at its next safe point and gives it back to the queue. A second call waits for the first. */
  stop(): Promise<void>;
};

const pollingSeconds = 2;
const connections = 4;
const stopTimeoutMs = 20_000;
const silentMs = 60_000;

/** Codes of failures that are equal at the next try. */
const final: ReadonlySet<string> = new Set([
  "invalid_input",
  "unauthenticated",
  "forbidden",
  "not_found",
  "precondition_failed",
  "budget_exceeded",
  "sealed",
]);

/** Prepares the queue and begins to work. */
export async function startWorker(app: App, domains: readonly Domain[], options: WorkerOptions): Promise<Worker> {
  const { onError } = options;
  const list = await listJobs(domains);
  const schedules = domains.flatMap((domain) => domain.schedules?.(app.config) ?? []);
  await prepareQueue(options.ownerUrl);
  const pool = openPool(options.ownerUrl, { applicationName: "leveredge worker", max: connections, types: undefined });
  const boss = openQueue(pool, onError);
  const stopping = new AbortController();
  const workerIds = new Map<string, string>();
  try {
    await boss.start();
    await ensureQueues(boss, list);
    for (const job of list)
      workerIds.set(job.name, await workOn(boss, job, app, { stopping: stopping.signal, onError }));
    await tellOfDead(boss, app);
  } catch (cause) {
    await boss.stop({ graceful: false });
    await pool.end();
    throw cause;
  }
  const jobs = offerJobs(boss, app.db, list, (name) => boss.notifyWorker(workerIds.get(name) ?? ""));
  const scheduler = keepSchedules(app, schedules, jobs, onError);
  const stop = async (): Promise<void> => {
    stopping.abort(new AppError("unavailable", "the server stops"));
    await scheduler.stop();
    await boss.stop({ graceful: true, timeout: stopTimeoutMs });
    await pool.end();
  };
  let stopped: Promise<void> | undefined;
  return { jobs, isWorking: () => isPolling(boss, app.now()), stop: () => (stopped ??= stop()) };
}

function isPolling(boss: PgBoss, now: Date): boolean {
  const workers = boss.getWipData();
  const isAlive = workers.every(
    ({ count, createdOn, lastFetchedOn }) => count > 0 || now.getTime() - (lastFetchedOn ?? createdOn) < silentMs,
  );
  return workers.length > 0 && isAlive;
}

async function listJobs(domains: readonly Domain[]): Promise<Job[]> {
  const list: Job[] = [];
  for (const { jobs = [] } of domains) list.push(...(typeof jobs === "function" ? await jobs() : jobs));
  return list;
}

type Ending = { stopping: AbortSignal; onError: (error: Error) => void };

/** Answers the library's name of the worker, by which it can be woken. */
function workOn(boss: PgBoss, job: Job, app: App, ending: Ending): Promise<string> {
  const options = { pollingIntervalSeconds: pollingSeconds, includeMetadata: true, perJobResults: true } as const;
  return boss.work<Envelope, unknown, typeof options>(job.name, options, async ([taken]) => {
    if (taken === undefined) return [];
    return [{ id: taken.id, ...(await carryOut(app, job, taken, ending)) }];
  });
}

type Settled = { status: "completed" | "failed" | "deadletter"; output: Record<string, unknown> };

async function carryOut(
  app: App,
  job: Job,
  taken: JobWithMetadata<Envelope>,
  { stopping, onError }: Ending,
): Promise<Settled> {
  const { success, data } = job.data.safeParse(taken.data.data);
  if (!success) {
    const message = `job ${job.name} does not understand what was asked of it`;
    return { status: "deadletter", output: { code: "invalid_input", message, hint: null } };
  }
  const ending = AbortSignal.any([stopping, app.signal]);
  const signal = AbortSignal.any([taken.signal, ending]);
  const progress = keepProgress(app.db, job.name, taken.id);
  let output: Record<string, unknown>;
  try {
    signal.throwIfAborted();
    const context = { jobId: taken.id, actor: taken.data.actor, signal, progress: progress.report };
    output = await job.run({ ...app, signal }, data, context);
  } catch (error) {
    await progress.end();
    if (ending.aborted) await addJobRetry(app.db, job.name, taken.id);
    const failure = describeFailure(error);
    return { status: final.has(failure.code) ? "deadletter" : "failed", output: failure };
  }
  await progress.end();
  // What was done is done: a store that fails here must not have it done again.
  const tick = { jobId: taken.id, outcome: outcomeOf(output), now: app.now() };
  await finishTicksOfJob(app.db, tick).catch((error: unknown) => onError(toError(error)));
  return { status: "completed", output };
}

/** A job that ended in its own word for it, such as `refused`, ended its tick so. */
function outcomeOf(output: Record<string, unknown>): string {
  return typeof output["state"] === "string" ? output["state"] : "done";
}

function describeFailure(error: unknown): JobError {
  const message = redact(error instanceof Error ? error.message : String(error));
  if (error instanceof AppError) return { code: error.code, message, hint: error.hint ?? null };
  return { code: "internal", message, hint: null };
}

/** A job whose last try failed, also by being killed, is told once. */
async function tellOfDead(boss: PgBoss, app: App): Promise<void> {
  const options = { pollingIntervalSeconds: pollingSeconds, includeMetadata: true } as const;
  await boss.work<Envelope, unknown, typeof options>(deadQueue, options, async ([dead]) => {
    if (dead === undefined) return {};
    const { sourceName, sourceId, sourceOutput } = dead;
    const name = sourceName ?? "unknown";
    const { actor, key } = dead.data;
    const why = readMessage(sourceOutput);
    await transaction(app.db, async (tx) => {
      await finishTicksOfJob(tx, { jobId: sourceId ?? dead.id, outcome: "failed", now: app.now() });
      await appendEvent(tx, app.keys, {
        key: `jobs.dead:${dead.id}`,
        actor,
        action: "jobs.job",
        target: key === null ? name : `${name} ${key}`,
        outcome: "failed",
        details: { jobId: sourceId ?? null, error: why },
        notice: {
          severity: "high",
          title: `job ${key === null ? name : `${name} ${key}`} failed`,
          text: `${why}\nIts last try has failed. Mend the cause and try it again: leveredge jobs list --only failed`,
        },
      });
    });
    return {};
  });
}

function readMessage(output: unknown): string {
  if (typeof output !== "object" || output === null) return "no reason is known";
  if ("message" in output && typeof output.message === "string") return output.message;
  return "value" in output ? readMessage(output.value) : "no reason is known";
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
