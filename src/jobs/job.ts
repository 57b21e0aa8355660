/**
 * Background work as data: domains list jobs and schedules, the worker of
 * `leveredge serve` runs them from a queue in the store. A handler may run twice:
 * it is killed, or its heartbeat is lost, and another worker takes the job.
 */
import type { z } from "zod";

import type { App } from "#app.ts";
import type { Config } from "#config/schema.ts";
import type { Db } from "#store/database.ts";

export type Job<Data extends z.ZodType = z.ZodType> = {
  /** `backups.drill`: domain and what is done. */
  name: string;
  data: Data;
  /** After this the job counts as lost and is tried again. */
  timeoutMs: number;
  /** How often it is tried again after a throw; an expected bad outcome is an answer and no throw. Default 2. */
  retryLimit?: number;
  /** The answer is JSON: `GET /jobs/:id` shows it. */
  run(app: App, data: z.output<Data>, context: JobContext): Promise<Record<string, unknown>>;
};

export type JobContext = {
  jobId: string;
  /** Who asked: `token:8Fq2…`, `schedule:mirror`. */
  actor: string;
  /** Aborted when the server stops, the time is over or another worker took the job. */
  signal: AbortSignal;
  /** Shown by `GET /jobs/:id` while the job runs; may be called as often as one likes. */
  progress(text: string, done?: number, total?: number): void;
};

/** When a job is due by itself. Each due time happens once, whoever notices it first. */
export type Schedule = {
  /** Unique: `mirror`, `backups:chronos`. */
  name: string;
  /** Five cron fields in the platform's time zone. */
  cron: string;
  job: string;
  data: Record<string, unknown>;
};

/** The schedules that a configuration asks for. */
export type ListSchedules = (config: Config) => Schedule[];

export type Queued = { jobId: string };

export type EnqueueOptions = {
  actor: string;
  /** The identity of the work: one of the same key that waits or runs already is answered instead of a second. */
  key?: string;
  /** Puts it in with the change that it follows; it runs only when that commits. */
  tx?: Db;
};

/** What a route enqueues work with. */
export type Jobs = {
  enqueue(name: string, data: Record<string, unknown>, options: EnqueueOptions): Promise<Queued>;
};

/** Keeps the types of data and handler together; answers the job as it is. */
export function job<Data extends z.ZodType>(definition: Job<Data>): Job {
  // The list forgets what each job's data is; the worker parses it with the job's own schema first.
  return definition;
}
