import type { App } from "#app.ts";
import type { Check } from "#domain.ts";
import type { Schedule } from "#jobs/job.ts";
import { hasQueue, listJobs } from "#jobs/queries.ts";

import { describeTick, readSchedules, type ScheduleStatus } from "./schedules.ts";

const mostJobs = 100;

/** Whether jobs have failed, and whether somebody keeps the schedules. */
export async function checkJobs(app: App, schedules: readonly Schedule[]): Promise<Check[]> {
  const statuses = await readSchedules(app, schedules);
  return [...(await checkFailed(app)), ...statuses.map(describeSchedule)];
}

async function checkFailed(app: App): Promise<Check[]> {
  if (!(await hasQueue(app.db))) return [];
  const failed = await listJobs(app.db, { state: "failed", before: undefined, limit: mostJobs });
  if (failed.length === 0) return [{ subject: "jobs", state: "ok", detail: "none has failed" }];
  const names = [...new Set(failed.map(({ name }) => name))].join(", ");
  const remedy = "leveredge jobs list --only failed";
  return [{ subject: "jobs", state: "loose", detail: `${failed.length} failed: ${names}`, remedy }];
}

function describeSchedule(status: ScheduleStatus): Check {
  const subject = `schedule ${status.name}`;
  if (status.overdueSince !== null) {
    const detail = `due since ${status.overdueSince}, and nobody has begun it`;
    return { subject, state: "loose", detail, remedy: "leveredge serve" };
  }
  if (status.lostSince !== null) {
    const detail = `begun ${status.lostSince} by ${status.lastTick?.claimedBy ?? "somebody"}, who was stopped before its end`;
    return { subject, state: "loose", detail, remedy: "leveredge schedules list" };
  }
  const detail = `last tick ${describeTick(status.lastTick)}, next due ${status.nextDueAt ?? "never"}`;
  if (status.lastTick?.outcome !== "failed") return { subject, state: "ok", detail };
  return { subject, state: "loose", detail, remedy: "leveredge jobs list --only failed" };
}
