import { z } from "zod";

const instant = z.iso.datetime();

export const JobState = z.enum(["waiting", "running", "done", "failed", "cancelled"]);
export type JobState = z.output<typeof JobState>;

/** Why a job's last try ended without an answer. */
export const JobError = z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() });
export type JobError = z.output<typeof JobError>;

/** What a running job said last. */
export const JobProgress = z.object({ text: z.string(), done: z.number().nullable(), total: z.number().nullable() });
export type JobProgress = z.output<typeof JobProgress>;

export const JobRecord = z.object({
  id: z.uuid(),
  name: z.string(),
  /** `waiting` also between two tries; `failed` after the last one. */
  state: JobState,
  requestedBy: z.string(),
  attempts: z.int(),
  createdAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  progress: JobProgress.nullable(),
  /** The answer of a job that is done. */
  output: z.record(z.string(), z.unknown()).nullable(),
  error: JobError.nullable(),
});
export type JobRecord = z.output<typeof JobRecord>;

/** A due time of a schedule, claimed once. */
export const Tick = z.object({
  schedule: z.string(),
  dueAt: instant,
  claimedAt: instant,
  claimedBy: z.string(),
  jobId: z.uuid().nullable(),
  /** What came of it: `done`, `failed`, or the work's own word such as `refused`; null while it is under way. */
  outcome: z.string().nullable(),
  finishedAt: instant.nullable(),
});
export type Tick = z.output<typeof Tick>;

/** A schedule as somebody who keeps it saw it last, and since when. */
export const KnownSchedule = z.object({
  name: z.string(),
  cron: z.string(),
  timezone: z.string(),
  knownSince: instant,
});
export type KnownSchedule = z.output<typeof KnownSchedule>;
