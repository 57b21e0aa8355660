/** SQL of rotations at the provider. */
import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, one, run } from "#store/database.ts";

export const RotationPhase = z.enum([
  "create",
  "apply",
  "check",
  "switch",
  "wait",
  "revoke",
  "confirm",
  "done",
  "failed",
]);
export type RotationPhase = z.output<typeof RotationPhase>;

export const Rotation = z.object({
  id: z.uuid(),
  credentialId: z.int(),
  oldVersion: z.int(),
  /** The credential that may make and revoke keys; null where the key does so itself. */
  manager: z.string().nullable(),
  /** What is to be done next. */
  phase: RotationPhase,
  oldHandle: z.string().nullable(),
  newHandle: z.string().nullable(),
  graceS: z.int(),
  /** From then on there may be a key that nobody holds. */
  askedAt: z.string().nullable(),
  switchedAt: z.string().nullable(),
  attempts: z.int(),
  attemptedAt: z.string().nullable(),
  failure: z.string().nullable(),
  requestedBy: z.string(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
});
export type Rotation = z.output<typeof Rotation>;

const rotationColumns = sql`
  id, credential_id, old_version, manager, phase, old_handle, new_handle, grace_s, asked_at, switched_at, attempts,
  attempted_at, failure, requested_by, started_at, finished_at`;

/**
 * One at a time carries a credential's rotation on. The lock belongs to the session that
 * the work is given: who is killed lets go of it, and who loses the session commits
 * nothing more over it. Undefined when somebody else holds it.
 */
export function holdRotation<T>(
  db: Db,
  credentialId: number,
  work: (session: Db) => Promise<T>,
): Promise<T | undefined> {
  const key = sql`hashtextextended(${`leveredge rotation ${credentialId}`}, 0)`;
  return db.connection().execute(async (session) => {
    const Held = z.object({ isHeld: z.boolean() });
    const { isHeld } = await one(session, Held, sql`select pg_try_advisory_lock(${key}) as is_held`);
    if (!isHeld) return undefined;
    try {
      return await work(session);
    } finally {
      // A session that broke holds nothing; what broke it is what the work throws.
      await run(session, sql`select pg_advisory_unlock(${key})`).catch(() => 0);
    }
  });
}

/** Undefined when one is under way. */
export function insertRotation(
  tx: Db,
  rotation: Pick<Rotation, "credentialId" | "oldVersion" | "manager" | "graceS" | "requestedBy">,
): Promise<Rotation | undefined> {
  const { credentialId, oldVersion, manager, graceS, requestedBy } = rotation;
  return maybe(
    tx,
    Rotation,
    sql`
    insert into aegis_credential_rotation (credential_id, old_version, manager, grace_s, requested_by)
    values (${credentialId}, ${oldVersion}, ${manager}, ${graceS}, ${requestedBy})
    on conflict (credential_id) where finished_at is null do nothing
    returning ${rotationColumns}`,
  );
}

export function findUnfinishedRotation(db: Db, credentialId: number): Promise<Rotation | undefined> {
  return maybe(
    db,
    Rotation,
    sql`
    select ${rotationColumns}
    from aegis_credential_rotation
    where credential_id = ${credentialId} and finished_at is null`,
  );
}

export function findRotation(db: Db, id: string): Promise<Rotation | undefined> {
  return maybe(db, Rotation, sql`select ${rotationColumns} from aegis_credential_rotation where id = ${id}`);
}

/** The newest first. */
export function listRotations(db: Db, credentialId: number, limit: number): Promise<Rotation[]> {
  return many(
    db,
    Rotation,
    sql`
    select ${rotationColumns}
    from aegis_credential_rotation
    where credential_id = ${credentialId}
    order by started_at desc
    limit ${limit}`,
  );
}

const StuckRotation = z.object({
  credentialName: z.string(),
  phase: RotationPhase,
  failure: z.string(),
  isFinished: z.boolean(),
});
export type StuckRotation = z.output<typeof StuckRotation>;

/** Those that do not get further, and the last one of a credential when it failed and no value came after it. */
export function listStuckRotations(db: Db): Promise<StuckRotation[]> {
  return many(
    db,
    StuckRotation,
    sql`
    select c.credential_name, r.phase, r.failure, r.finished_at is not null as is_finished
    from aegis_credentials c
    cross join lateral (
      select phase, failure, attempts, finished_at, old_version, switched_at
      from aegis_credential_rotation
      where credential_id = c.id
      order by started_at desc
      limit 1
    ) r
    where r.failure is not null
      and (r.phase = 'failed' and c.version <= r.old_version + (r.switched_at is not null)::integer
        or r.finished_at is null and r.attempts > 0)
    order by c.credential_name`,
  );
}

/**
 * Names of credentials whose rotation somebody has to carry on: those whose grace is
 * over, and what did not get further, after longer and longer pauses.
 */
export async function listDueRotations(db: Db): Promise<string[]> {
  const rows = await many(
    db,
    z.object({ credentialName: z.string() }),
    sql`
    select c.credential_name
    from aegis_credential_rotation r
    join aegis_credentials c on c.id = r.credential_id
    where r.finished_at is null
      and (r.phase <> 'wait' or now() >= r.switched_at + make_interval(secs => r.grace_s))
      and (r.attempts = 0
        or now() >= r.attempted_at + make_interval(mins => least(2 ^ least(r.attempts, 10), 360)::integer))
    order by r.started_at`,
  );
  return rows.map(({ credentialName }) => credentialName);
}

/** By the database's clock; false before anything was asked or switched. */
export async function readTimes(db: Db, id: string): Promise<{ isGraceOver: boolean; wasAskedLongAgo: boolean }> {
  return one(
    db,
    z.object({ isGraceOver: z.boolean(), wasAskedLongAgo: z.boolean() }),
    sql`
    select coalesce(now() >= switched_at + make_interval(secs => grace_s), false) as is_grace_over,
      coalesce(now() >= asked_at + interval '60 seconds', false) as was_asked_long_ago
    from aegis_credential_rotation where id = ${id}`,
  );
}

/** From the phase that the caller saw to the next; undefined when somebody else was faster. */
export function advanceRotation(
  tx: Db,
  rotation: Pick<Rotation, "id" | "phase">,
  next: { phase: RotationPhase; oldHandle?: string | null; newHandle?: string | null; failure?: string },
): Promise<Rotation | undefined> {
  const keep = (value: string | null | undefined, column: string) =>
    value === undefined ? sql.ref(column) : sql`${value}`;
  const isEnd = next.phase === "done" || next.phase === "failed";
  return maybe(
    tx,
    Rotation,
    sql`
    update aegis_credential_rotation
    set phase = ${next.phase}, attempts = 0, attempted_at = null, failure = ${next.failure ?? null},
        old_handle = ${keep(next.oldHandle, "old_handle")}, new_handle = ${keep(next.newHandle, "new_handle")},
        switched_at = ${next.phase === "wait" ? sql`now()` : sql`switched_at`},
        finished_at = ${isEnd ? sql`now()` : null}
    where id = ${rotation.id} and phase = ${rotation.phase}
    returning ${rotationColumns}`,
  );
}

/** That a new key is about to be asked for; undefined when the rotation went on meanwhile. */
export function noteAsked(db: Db, rotation: Pick<Rotation, "id" | "phase">): Promise<Rotation | undefined> {
  return maybe(
    db,
    Rotation,
    sql`
    update aegis_credential_rotation
    set asked_at = now()
    where id = ${rotation.id} and phase = ${rotation.phase}
    returning ${rotationColumns}`,
  );
}

/** An attempt that did not get further, and why; answers how many there were in this phase. */
export async function noteAttempt(
  db: Db,
  rotation: Pick<Rotation, "id" | "phase" | "attempts">,
  failure: string,
): Promise<number> {
  const noted = await maybe(
    db,
    z.object({ attempts: z.int() }),
    sql`
    update aegis_credential_rotation
    set attempts = attempts + 1, attempted_at = now(), failure = ${failure}
    where id = ${rotation.id} and phase = ${rotation.phase}
    returning attempts`,
  );
  return noted?.attempts ?? rotation.attempts;
}

/** What the operator says of one that is under way. */
export async function updateWish(
  db: Db,
  id: string,
  wish: { manager?: string | undefined; graceS?: number | undefined },
): Promise<void> {
  await run(
    db,
    sql`
    update aegis_credential_rotation
    set manager = ${wish.manager ?? sql`manager`}, grace_s = ${wish.graceS ?? sql`grace_s`}
    where id = ${id} and finished_at is null`,
  );
}

/** The value that was made and will not be switched to. */
export async function deleteVersion(tx: Db, credentialId: number, version: number): Promise<void> {
  await run(
    tx,
    sql`delete from aegis_credential_version where credential_id = ${credentialId} and version = ${version}`,
  );
}
