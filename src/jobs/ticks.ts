/**
 * Ticks: the due times of schedules. The worker of `leveredge serve` and the lines
 * of a host's cron may both notice one; the row (schedule, due time) is the claim,
 * so its work is begun once.
 *
 * Of the ticks that nobody noticed while everything was down, only the newest is
 * made up, and only for a schedule that was known, in this form, when it was due.
 * Times that the clock skips in spring are due at the next time that exists, times
 * that come twice in autumn are due the first time; a schedule that repeats within
 * the hour follows the real hours.
 */
import { Cron } from "croner";

import type { App } from "#app.ts";
import type { Db } from "#store/database.ts";

import type { Schedule } from "./job.ts";
import type { Tick } from "./schema.ts";
import {
  claimScheduleTick,
  deleteTicksBefore,
  findLatestTick,
  finishScheduleTick,
  insertSchedule,
  updateSchedule,
} from "./tick-queries.ts";

export type TickClaim = { state: "claimed"; tick: Tick } | { state: "taken"; tick: Tick } | { state: "not-due" };

const keptMs = 90 * 24 * 3_600_000;
/** How long after a claim a second caller is taken for the same tick noticed twice. */
const sameTickMs = 15 * 60_000;

/** The latest time, up to and including now, at which the schedule was due; undefined when there is none. */
export function lastDue(schedule: Pick<Schedule, "cron">, timezone: string, now: Date): Date | undefined {
  // Croner answers times before the reference, in whole seconds.
  const reference = new Date(Math.floor(now.getTime() / 1000) * 1000 + 1000);
  return parse(schedule, timezone).previousRuns(1, reference)[0];
}

/** The next time after now at which the schedule is due; undefined when there is none. */
export function nextDue(schedule: Pick<Schedule, "cron">, timezone: string, now: Date): Date | undefined {
  return parse(schedule, timezone).nextRun(now) ?? undefined;
}

/**
 * Takes the schedule's latest tick for the worker. `not-due` when it was due before
 * the schedule became known. Call it in the transaction that enqueues the work.
 */
export async function claimTick(
  tx: Db,
  schedule: Schedule,
  claim: { timezone: string; now: Date; claimedBy: string },
): Promise<TickClaim> {
  return claimLatest(tx, schedule, { ...claim, sinceKnown: true });
}

/**
 * Does the work of a schedule for a cron line or timer (`--tick`). When somebody
 * claimed the tick within the last quarter of an hour the work is theirs: the answer
 * is their tick. Called at any other time the work is done all the same.
 */
export async function withTick<T>(
  app: Pick<App, "db" | "config" | "now">,
  schedule: Schedule,
  claimedBy: string,
  work: () => Promise<{ outcome: string; result: T }>,
): Promise<{ state: "worked"; result: T } | { state: "taken"; tick: Tick }> {
  const { timezone } = app.config.platform;
  const claim = await claimLatest(app.db, schedule, { timezone, now: app.now(), claimedBy, sinceKnown: false });
  if (claim.state === "taken" && app.now().getTime() - Date.parse(claim.tick.claimedAt) < sameTickMs) return claim;
  const finish = async (outcome: string): Promise<void> => {
    if (claim.state === "claimed") await finishScheduleTick(app.db, { ...claim.tick, outcome, now: app.now() });
  };
  try {
    const { outcome, result } = await work();
    await finish(outcome);
    return { state: "worked", result };
  } catch (cause) {
    await finish("failed");
    throw cause;
  }
}

async function claimLatest(
  tx: Db,
  schedule: Schedule,
  claim: { timezone: string; now: Date; claimedBy: string; sinceKnown: boolean },
): Promise<TickClaim> {
  const { timezone, now } = claim;
  const dueAt = lastDue(schedule, timezone, now);
  const known = { name: schedule.name, cron: schedule.cron, timezone, now };
  await (claim.sinceKnown ? updateSchedule(tx, known) : insertSchedule(tx, known));
  if (dueAt === undefined) return { state: "not-due" };
  const tick = await claimScheduleTick(tx, { ...claim, schedule: schedule.name, dueAt });
  if (tick !== undefined) {
    await deleteTicksBefore(tx, schedule.name, new Date(now.getTime() - keptMs));
    return { state: "claimed", tick };
  }
  const taken = await findLatestTick(tx, schedule.name);
  if (taken === undefined || Date.parse(taken.dueAt) < dueAt.getTime()) return { state: "not-due" };
  return { state: "taken", tick: taken };
}

function parse({ cron }: Pick<Schedule, "cron">, timezone: string): Cron {
  // `30 2,14 * * *` is a time of day too: skipped in spring it must not be lost.
  return new Cron(cron, { timezone, mode: "5-part", fixedTimeRule: "no-wildcard" });
}
