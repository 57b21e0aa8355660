import { sql } from "kysely";

import { type Db, many, maybe, run } from "#store/database.ts";

import { KnownSchedule, Tick } from "./schema.ts";

const tickColumns = sql`schedule, due_at, claimed_at, claimed_by, job_id, outcome, finished_at`;

/** Remembers since when a schedule has been asked for in this form; one that is known already is left alone. */
export function updateSchedule(
  db: Db,
  { name, cron, timezone, now }: { name: string; cron: string; timezone: string; now: Date },
): Promise<number> {
  return run(
    db,
    sql`
      insert into schedule (name, cron, timezone, known_since)
      values (${name}, ${cron}, ${timezone}, ${now})
      on conflict (name) do update
      set cron = excluded.cron, timezone = excluded.timezone, known_since = excluded.known_since
      where (schedule.cron, schedule.timezone) is distinct from (excluded.cron, excluded.timezone)`,
  );
}

/** Makes a schedule known that nobody has kept yet; how it is kept otherwise is the worker's to say. */
export function insertSchedule(
  db: Db,
  { name, cron, timezone, now }: { name: string; cron: string; timezone: string; now: Date },
): Promise<number> {
  return run(
    db,
    sql`
      insert into schedule (name, cron, timezone, known_since)
      values (${name}, ${cron}, ${timezone}, ${now})
      on conflict (name) do nothing`,
  );
}

/**
 * Undefined when the tick, or a later one of the schedule, is taken; with
 * `sinceKnown` also when it was due before the schedule became known.
 */
export function claimScheduleTick(
  db: Db,
  tick: { schedule: string; dueAt: Date; claimedBy: string; now: Date; sinceKnown: boolean },
): Promise<Tick | undefined> {
  return maybe(
    db,
    Tick,
    sql`
      insert into schedule_tick (schedule, due_at, claimed_at, claimed_by)
      select name, ${tick.dueAt}::timestamptz, ${tick.now}::timestamptz, ${tick.claimedBy}
      from schedule
      where name = ${tick.schedule}
        and (not ${tick.sinceKnown}::boolean or known_since <= ${tick.dueAt}::timestamptz)
        and not exists (
          select from schedule_tick where schedule = ${tick.schedule} and due_at >= ${tick.dueAt}::timestamptz
        )
      on conflict (schedule, due_at) do nothing
      returning ${tickColumns}`,
  );
}

export function updateTickJob(db: Db, tick: { schedule: string; dueAt: string; jobId: string }): Promise<number> {
  return run(
    db,
    sql`
      update schedule_tick
      set job_id = ${tick.jobId}
      where schedule = ${tick.schedule} and due_at = ${tick.dueAt}`,
  );
}

/** A tick that has its outcome keeps it. */
export function finishScheduleTick(
  db: Db,
  tick: { schedule: string; dueAt: string; outcome: string; now: Date },
): Promise<number> {
  return run(
    db,
    sql`
      update schedule_tick
      set outcome = ${tick.outcome}, finished_at = ${tick.now}
      where schedule = ${tick.schedule} and due_at = ${tick.dueAt} and outcome is null`,
  );
}

/** The ticks whose work a job is; an outcome that a later try of the job corrects is overwritten. */
export function finishTicksOfJob(db: Db, tick: { jobId: string; outcome: string; now: Date }): Promise<number> {
  return run(
    db,
    sql`update schedule_tick set outcome = ${tick.outcome}, finished_at = ${tick.now} where job_id = ${tick.jobId}`,
  );
}

export function listKnownSchedules(db: Db): Promise<KnownSchedule[]> {
  return many(db, KnownSchedule, sql`select name, cron, timezone, known_since from schedule order by name`);
}

/** The latest tick of each schedule. */
export function listLatestTicks(db: Db): Promise<Tick[]> {
  return many(
    db,
    Tick,
    sql`select distinct on (schedule) ${tickColumns} from schedule_tick order by schedule, due_at desc`,
  );
}

export function findLatestTick(db: Db, schedule: string): Promise<Tick | undefined> {
  return maybe(
    db,
    Tick,
    sql`select ${tickColumns} from schedule_tick where schedule = ${schedule} order by due_at desc limit 1`,
  );
}

export function deleteTicksBefore(db: Db, schedule: string, before: Date): Promise<number> {
  return run(db, sql`delete from schedule_tick where schedule = ${schedule} and due_at < ${before}`);
}
