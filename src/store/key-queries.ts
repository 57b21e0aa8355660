import { sql } from "kysely";
import { z } from "zod";

import type { KeyRecord } from "#secrets/key-ring.ts";

import { type Db, many, maybe, one } from "./database.ts";

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));

const KeyRow = z.object({
  id: z.uuid(),
  purpose: z.enum(["root", "audit", "fingerprint", "token"]),
  version: z.int(),
  wrapped: bytes,
  commitment: bytes,
  checkValue: bytes.nullable(),
}) satisfies z.ZodType<KeyRecord>;

const Inserted = z.object({ id: z.uuid() });

/** The one identity of this store: what is sealed for it opens nowhere else. */
export async function findInstanceId(db: Db): Promise<string> {
  return (await one(db, z.object({ id: z.uuid() }), sql`select id from instance`)).id;
}

export function listKeys(db: Db): Promise<KeyRecord[]> {
  return many(
    db,
    KeyRow,
    sql`select id, purpose, version, wrapped, commitment, check_value from key order by purpose, version`,
  );
}

/** False when there is a key of that purpose and version: it stays as it is. */
export async function insertKey(db: Db, key: KeyRecord): Promise<boolean> {
  const row = await maybe(
    db,
    Inserted,
    sql`
      insert into key (id, purpose, version, wrapped, commitment, check_value)
      values (${key.id}, ${key.purpose}, ${key.version}, ${key.wrapped}, ${key.commitment}, ${key.checkValue})
      on conflict (purpose, version) do nothing
      returning id`,
  );
  return row !== undefined;
}

/** Whether anything was made with a key of this store. */
export async function hasKeyedRows(db: Db): Promise<boolean> {
  const { keyed } = await one(db, z.object({ keyed: z.boolean() }), sql`select exists (select from event) as keyed`);
  return keyed;
}

/** Whether anything that people or programs sign in with was hashed with a key of this store. */
export async function hasHashedTokens(db: Db): Promise<boolean> {
  const shape = z.object({ hashed: z.boolean() });
  const { hashed } = await one(db, shape, sql`select exists (select from identity_token) as hashed`);
  return hashed;
}
