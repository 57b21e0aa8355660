/**
 * The queue in the store (pg-boss), one for each kind of job, with one for dead
 * jobs beside them. This is the only file that says how the library is used.
 *
 * A worker that is killed is missed after a heartbeat, and its job is tried again
 * after a pause that grows. A job whose last try failed stays visible, and its copy
 * among the dead ones is what people are told by.
 */
import { randomUUID } from "node:crypto";

import { fromKysely, PgBoss } from "pg-boss";
import type pg from "pg";

import { AppError } from "#errors.ts";
import type { Db } from "#store/database.ts";

import type { EnqueueOptions, Job, Jobs, Queued } from "./job.ts";
import { deadQueue, findOpenJob } from "./queries.ts";
import { queueSchema, runOn } from "./queue-schema-queries.ts";

/** What a job's row holds besides the library's own columns. */
export type Envelope = {
  actor: string;
  /** Names the work; null when nothing does. */
  key: string | null;
  data: Record<string, unknown>;
};

const heartbeatSeconds = 15;
/** How often lost and expired jobs are looked for; a lost one is tried again within both together. */
const supervisionSeconds = 10;
const defaultRetryLimit = 2;
const longestPauseSeconds = 5 * 60;
const keptSeconds = 14 * 24 * 3600;

/** The library over the application's connections. It reports trouble in its own loops to `onError` and goes on. */
export function openQueue(pool: pg.Pool, onError: (error: Error) => void): PgBoss {
  const boss = new PgBoss({
    db: runOn(pool),
    schema: queueSchema,
    migrate: false,
    createSchema: false,
    schedule: false,
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
    superviseIntervalSeconds: supervisionSeconds,
    monitorIntervalSeconds: supervisionSeconds,
  });
  boss.on("error", onError);
  return boss;
}

/** Makes the queue of each job and brings it to what the job says now. */
export async function ensureQueues(boss: PgBoss, jobs: readonly Job[]): Promise<void> {
  const kept = { deleteAfterSeconds: keptSeconds, retentionSeconds: keptSeconds };
  await boss.createQueue(deadQueue, { policy: "standard", ...kept });
  for (const { name, timeoutMs, retryLimit } of jobs) {
    const options = {
      ...kept,
      deadLetter: deadQueue,
      heartbeatSeconds,
      retryBackoff: true,
      retryDelay: 1,
      retryDelayMax: longestPauseSeconds,
      retryLimit: retryLimit ?? defaultRetryLimit,
      expireInSeconds: Math.ceil(timeoutMs / 1000),
    };
    await boss.createQueue(name, { policy: "exclusive", ...options });
    await boss.updateQueue(name, options);
  }
}

/** The queue as routes and schedules see it; `wake` is told of a job that is ready at once. */
export function offerJobs(boss: PgBoss, db: Db, jobs: readonly Job[], wake: (name: string) => void): Jobs {
  return {
    async enqueue(name, data, options) {
      const queued = await enqueue(boss, db, jobs, { name, data, options });
      if (options.tx === undefined) wake(name);
      return queued;
    },
  };
}

async function enqueue(
  boss: PgBoss,
  db: Db,
  jobs: readonly Job[],
  { name, data, options }: { name: string; data: Record<string, unknown>; options: EnqueueOptions },
): Promise<Queued> {
  const job = jobs.find((candidate) => candidate.name === name);
  if (job === undefined) throw new AppError("internal", `no domain has a job ${name}`);
  job.data.parse(data);
  const tx = options.tx ?? db;
  const envelope: Envelope = { actor: options.actor, key: options.key ?? null, data };
  const key = options.key ?? randomUUID();
  // The one that is in the way may end between the two questions.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const made = await boss.send(name, envelope, { singletonKey: key, db: fromKysely(tx) });
    const jobId = made ?? (await findOpenJob(tx, name, key));
    if (jobId !== undefined) return { jobId };
  }
  throw new AppError("unavailable", `job ${name} cannot be put into the queue`, { hint: "Try again." });
}
