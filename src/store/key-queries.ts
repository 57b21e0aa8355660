/** SQL of keys and of the seals of the root key. */
import { setTimeout as delay } from "node:timers/promises";

import { sql } from "kysely";
import { z } from "zod";

import { AppError } from "#errors.ts";
import { type KeyRecord, type Purpose, type RootSeal, purposes } from "#secrets/key-record.ts";

import { type Db, many, maybe, one, run } from "./database.ts";

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));

const KeyRow = z.object({
  id: z.uuid(),
  purpose: z.enum(["root", ...purposes]),
  version: z.int(),
  wrapped: bytes.nullable(),
  commitment: bytes,
}) satisfies z.ZodType<KeyRecord>;

const RootSealRow = z.object({
  unsealKeyId: z.string(),
  rootId: z.uuid(),
  state: z.enum(["active", "staged", "previous"]),
  wrapped: bytes,
  checkValue: bytes,
  createdAt: z.string(),
  /** Since when it is in this state. */
  changedAt: z.string(),
}) satisfies z.ZodType<RootSeal>;
export type RootSealRow = z.output<typeof RootSealRow>;

/** The session of a process that was just killed is there for a moment more. */
const lockWaitMs = 3_000;
const lockPollMs = 50;

/** One at a time changes the keys of a store, on whatever host; `conflict` when somebody else does. */
export function withKeyLock<T>(db: Db, work: () => Promise<T>): Promise<T> {
  const lock = sql`hashtextextended('leveredge keys', 0)`;
  // A session's lock, not a transaction's: key files are written meanwhile. A dead session holds none.
  return db.connection().execute(async (session) => {
    const shape = z.object({ taken: z.boolean() });
    const deadline = Date.now() + lockWaitMs;
    while (!(await one(session, shape, sql`select pg_try_advisory_lock(${lock}) as taken`)).taken) {
      if (Date.now() > deadline) {
        throw new AppError("conflict", "another process is changing the keys of this store", {
          hint: "Wait for it, then look: leveredge keys status",
        });
      }
      await delay(lockPollMs);
    }
    try {
      return await work();
    } finally {
      await sql`select pg_advisory_unlock(${lock})`.execute(session);
    }
  });
}

/** The one identity of this store: what is sealed for it opens nowhere else. */
export async function findInstanceId(db: Db): Promise<string> {
  return (await one(db, z.object({ id: z.uuid() }), sql`select id from instance`)).id;
}

export function listKeys(db: Db): Promise<KeyRecord[]> {
  return many(db, KeyRow, sql`select id, purpose, version, wrapped, commitment from key order by purpose, version`);
}

export function listRootSeals(db: Db): Promise<RootSealRow[]> {
  return many(
    db,
    RootSealRow,
    sql`
    select unseal_key_id, root_id, state, wrapped, check_value, created_at, changed_at
    from key_root_seal
    order by state`,
  );
}

/** False when there is a key of that purpose and version: it stays as it is. */
export async function insertKey(db: Db, key: KeyRecord): Promise<boolean> {
  const row = await maybe(
    db,
    z.object({ id: z.uuid() }),
    sql`
      insert into key (id, purpose, version, wrapped, commitment)
      values (${key.id}, ${key.purpose}, ${key.version}, ${key.wrapped}, ${key.commitment})
      on conflict (purpose, version) do nothing
      returning id`,
  );
  return row !== undefined;
}

/** False when there is a seal in that state, or of that unseal key: it stays as it is. */
export async function insertRootSeal(db: Db, seal: RootSeal): Promise<boolean> {
  const inserted = await run(
    db,
    sql`
    insert into key_root_seal (unseal_key_id, root_id, state, wrapped, check_value)
    values (${seal.unsealKeyId}, ${seal.rootId}, ${seal.state}, ${seal.wrapped}, ${seal.checkValue})
    on conflict do nothing`,
  );
  return inserted > 0;
}

/** False when the seal of that unseal key is in another state. */
export async function updateRootSealState(
  tx: Db,
  unsealKeyId: string,
  change: { from: RootSeal["state"]; to: RootSeal["state"] },
): Promise<boolean> {
  const updated = await run(
    tx,
    sql`
    update key_root_seal
    set state = ${change.to}, changed_at = clock_timestamp()
    where unseal_key_id = ${unsealKeyId} and state = ${change.from}`,
  );
  return updated > 0;
}

/** The unseal key of a seal that is gone opens this store no more. The active one stays. */
export function deleteRootSeal(db: Db, state: "staged" | "previous"): Promise<number> {
  return run(db, sql`delete from key_root_seal where state = ${state}`);
}

/**
 * Whether anything was made with a key of that purpose. Asked only of purposes that a
 * store of an older program may lack.
 */
export async function hasRowsOf(db: Db, purpose: Purpose): Promise<boolean> {
  const { found } = await one(db, z.object({ found: z.boolean() }), rowsOf(purpose));
  return found;
}

function rowsOf(purpose: Purpose) {
  switch (purpose) {
    case "audit":
      return sql`select exists (select from event) as found`;
    case "fingerprint":
      return sql`select exists (select from aegis_credential_field) as found`;
    case "token":
      return sql`select exists (select from identity_token) as found`;
    case "credentials-dev":
    case "credentials-prod":
    case "credentials-shared": {
      const environment = purpose.slice("credentials-".length);
      return sql`
        select exists (select from aegis_credential_version where environment = ${environment}) as found`;
    }
  }
}
