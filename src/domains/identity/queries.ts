import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, one, run } from "#store/database.ts";

import { ApiToken, type NewUser, type Role, ScopeText, User } from "./schema.ts";

const listLimit = 1000;

const userColumns = sql`id, name, role, created_at, created_by, disabled_at`;

const tokenColumns = sql`
  t.id, u.name as user, t.name, t.scopes, t.created_at, t.created_by, t.expires_at, t.last_used_at, t.revoked_at`;

/** Until the end of the transaction, nobody else changes who is an admin. */
export async function lockAdmins(tx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('leveredge admins', 0))`.execute(tx);
}

export function listUsers(db: Db): Promise<User[]> {
  return many(db, User, sql`select ${userColumns} from identity_user order by name limit ${listLimit}`);
}

export function findUser(db: Db, name: string): Promise<User | undefined> {
  return maybe(db, User, sql`select ${userColumns} from identity_user where name = ${name}`);
}

/** Undefined when the name is taken. */
export function insertUser(
  db: Db,
  user: NewUser & { createdBy: string; createdAt: string },
): Promise<User | undefined> {
  return maybe(
    db,
    User,
    sql`
      insert into identity_user (name, role, created_by, created_at)
      values (${user.name}, ${user.role}, ${user.createdBy}, ${user.createdAt})
      on conflict (name) do nothing
      returning ${userColumns}`,
  );
}

export function updateUser(db: Db, id: string, change: { role: Role; disabledAt: string | null }): Promise<User> {
  return one(
    db,
    User,
    sql`
      update identity_user set role = ${change.role}, disabled_at = ${change.disabledAt}
      where id = ${id}
      returning ${userColumns}`,
  );
}

/** Users of role admin: all, or those who may sign in. */
export async function countAdmins(db: Db, which: "all" | "enabled"): Promise<number> {
  const enabled = which === "all" ? sql`true` : sql`disabled_at is null`;
  const shape = z.object({ admins: z.int() });
  const row = await one(
    db,
    shape,
    sql`select count(*) as admins from identity_user where role = 'admin' and ${enabled}`,
  );
  return row.admins;
}

export type TokenRow = {
  id: string;
  userId: string;
  name: string;
  scopes: readonly string[];
  hash: Buffer;
  keyVersion: number;
  createdAt: string;
  createdBy: string;
  expiresAt: string;
};

/** False when the id is taken. */
export async function insertToken(tx: Db, token: TokenRow): Promise<boolean> {
  const inserted = await run(
    tx,
    sql`
      insert into identity_token (id, user_id, name, scopes, hash, key_version, created_at, created_by, expires_at)
      values (${token.id}, ${token.userId}, ${token.name}, ${token.scopes}::text[], ${token.hash}, ${token.keyVersion},
              ${token.createdAt}, ${token.createdBy}, ${token.expiresAt})
      on conflict (id) do nothing`,
  );
  return inserted === 1;
}

/** The newest first. */
export function listTokens(db: Db): Promise<ApiToken[]> {
  return many(
    db,
    ApiToken,
    sql`
      select ${tokenColumns}
      from identity_token t
      join identity_user u on u.id = t.user_id
      order by t.created_at desc, t.id
      limit ${listLimit}`,
  );
}

export function findToken(db: Db, id: string): Promise<ApiToken | undefined> {
  return maybe(
    db,
    ApiToken,
    sql`select ${tokenColumns} from identity_token t join identity_user u on u.id = t.user_id where t.id = ${id}`,
  );
}

/** Sets it once: undefined when it was revoked before or there is none. */
export async function revokeTokenOnce(tx: Db, id: string, now: string): Promise<boolean> {
  const revoked = await run(
    tx,
    sql`update identity_token set revoked_at = ${now} where id = ${id} and revoked_at is null`,
  );
  return revoked === 1;
}

const TokenProof = z.object({
  id: z.string(),
  hash: z.custom<Buffer>((value) => Buffer.isBuffer(value)),
  keyVersion: z.int(),
  scopes: z.array(ScopeText),
  expiresAt: z.string(),
  lastUsedAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
  userName: z.string(),
  role: User.shape.role,
  disabledAt: z.string().nullable(),
});
export type TokenProof = z.output<typeof TokenProof>;

/** What tokens are checked against; ids that are no token's are left out. */
export function listTokenProofs(db: Db, ids: readonly string[]): Promise<TokenProof[]> {
  return many(
    db,
    TokenProof,
    sql`
      select t.id, t.hash, t.key_version, t.scopes, t.expires_at, t.last_used_at, t.revoked_at,
             u.name as user_name, u.role, u.disabled_at
      from identity_token t
      join identity_user u on u.id = t.user_id
      where t.id = any(${[...ids]}::text[])`,
  );
}

/** Many requests of one minute write once. */
export function updateLastUsed(db: Db, id: string, now: string): Promise<number> {
  return run(
    db,
    sql`
      update identity_token set last_used_at = ${now}
      where id = ${id} and (last_used_at is null or last_used_at < ${now}::timestamptz - interval '1 minute')`,
  );
}
