import { z } from "zod";

import type { App } from "#app.ts";
import type { Schedule } from "#jobs/job.ts";
import { Tick } from "#jobs/schema.ts";
import { listKnownSchedules, listLatestTicks } from "#jobs/tick-queries.ts";
import { lastDue, nextDue } from "#jobs/ticks.ts";

export const ScheduleStatus = z.object({
  name: z.string(),
  cron: z.string(),
  timezone: z.string(),
  job: z.string(),
  nextDueAt: z.iso.datetime().nullable(),
  lastTick: Tick.nullable(),
  /** Since when a tick is due that nobody has taken; null when none is. */
  overdueSince: z.iso.datetime().nullable(),
  /** When work was begun that left no outcome: whoever did it was killed. Null when there is none. */
  lostSince: z.iso.datetime().nullable(),
});
export type ScheduleStatus = z.output<typeof ScheduleStatus>;

/** A server looks every few seconds; a host that was busy is given a while. */
const graceMs = 15 * 60_000;
/** Longer than any work of a cron line takes; the work of a job is tried again by the queue. */
const longestWorkMs = 6 * 3_600_000;

/** Each configured schedule with its next and its latest due time. */
export async function readSchedules(
  app: Pick<App, "db" | "config" | "now">,
  schedules: readonly Schedule[],
): Promise<ScheduleStatus[]> {
  const [ticks, known] = [await listLatestTicks(app.db), await listKnownSchedules(app.db)];
  const { timezone } = app.config.platform;
  const now = app.now();
  return schedules.map((schedule) => {
    const { name, cron, job } = schedule;
    const lastTick = ticks.find((tick) => tick.schedule === name) ?? null;
    const due = lastDue(schedule, timezone, now);
    const row = known.find((one) => one.name === name && one.cron === cron && one.timezone === timezone);
    const isMissed =
      due !== undefined &&
      row !== undefined &&
      due.getTime() >= Date.parse(row.knownSince) &&
      due.getTime() > Date.parse(lastTick?.dueAt ?? row.knownSince) &&
      now.getTime() - due.getTime() > graceMs;
    return {
      name,
      cron,
      timezone,
      job,
      nextDueAt: nextDue(schedule, timezone, now)?.toISOString() ?? null,
      lastTick,
      overdueSince: isMissed ? due.toISOString() : null,
      lostSince: lastTick !== null && isLost(lastTick, now) ? lastTick.claimedAt : null,
    };
  });
}

function isLost({ outcome, jobId, claimedAt }: Tick, now: Date): boolean {
  return outcome === null && jobId === null && now.getTime() - Date.parse(claimedAt) > longestWorkMs;
}

/** In words: `done at 2026-11-22T11:00:09Z`. */
export function describeTick(tick: Tick | null): string {
  if (tick === null) return "none yet";
  const outcome = tick.outcome ?? `taken by ${tick.claimedBy}, no outcome yet`;
  return `${outcome} (due ${tick.dueAt.slice(0, 16)}Z)`;
}
