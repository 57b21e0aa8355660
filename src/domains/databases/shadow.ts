/**
 * A throw-away database on dev's server: prod's schema, and on it the migrations
 * that dev has taken and prod has not. It is what dev should be, to compare with.
 *
 * It is dropped when its user is done. One that a killed run left is dropped by the
 * next: nobody is connected to it, and the session that made it is gone. Roles that
 * prod's schema names and dev's server lacks are made for as long as it lives.
 */
import { randomBytes } from "node:crypto";

import pg from "pg";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { applyMigrations, type MigrationFile, type MigrationTable } from "#store/migrator.ts";

import { entryText } from "./bootstrap.ts";
import { connect, type DatabaseTarget } from "#postgres/connection.ts";
import type { DumpEntry } from "./dump.ts";
import { applySetting, runText } from "./executor-queries.ts";
import {
  createTemporaryRole,
  createThrowAway,
  dropRole,
  dropThrowAway,
  dropUnused,
  findOwnPid,
  hasThrowAway,
  listStale,
  listTemporaryRoles,
} from "./shadow-queries.ts";

export type ThrowAway = {
  target: DatabaseTarget;
  /** Migrations that did not replay, with PostgreSQL's words. */
  failed: { name: string; reason: string }[];
  drop(): Promise<void>;
};

export type ThrowAwayRequest = {
  /** A database of the server that it is made on. */
  beside: DatabaseTarget;
  entries: readonly DumpEntry[];
  /** Roles that the entries name and the server lacks. */
  missingRoles: readonly string[];
  migrations: readonly MigrationFile[];
  table: MigrationTable;
};

const lockTimeoutMs = 10_000;

/** Makes the database and replays the migrations; whatever fails, nothing of it stays. `precondition_failed` when the entries cannot be created. */
export async function makeThrowAway(request: ThrowAwayRequest): Promise<ThrowAway> {
  const maker = await connect(request.beside, { readOnly: false, lockTimeoutMs });
  const roles: string[] = [];
  let name: string | undefined;
  const drop = async (): Promise<void> => {
    if (name !== undefined) await dropThrowAway(maker, name);
    for (const role of roles) await ignoreInUse(dropRole(maker, role));
    await maker.end();
  };
  try {
    await dropStale(maker);
    name = `leveredge_shadow_${randomBytes(4).toString("hex")}_${await findOwnPid(maker)}`;
    await createThrowAway(maker, name);
    for (const role of request.missingRoles) if (await createTemporaryRole(maker, role)) roles.push(role);
    const target = databaseBeside(request.beside, name);
    const failed = await fill(target, request);
    return { target, failed, drop };
  } catch (cause) {
    await drop();
    throw cause;
  }
}

/** Drops what killed runs left; a second call finds nothing. */
export async function dropStale(client: pg.Client): Promise<void> {
  for (const name of await listStale(client)) await ignoreInUse(dropUnused(client, name));
  // A living one may be about to use its roles.
  if (await hasThrowAway(client)) return;
  for (const role of await listTemporaryRoles(client)) await ignoreInUse(dropRole(client, role));
}

async function fill(target: DatabaseTarget, request: ThrowAwayRequest): Promise<ThrowAway["failed"]> {
  const client = await connect(target, { readOnly: false, lockTimeoutMs });
  try {
    await applySetting(client, "check_function_bodies", "off");
    await applySetting(client, "search_path", "pg_catalog");
    await runText(client, request.entries.map(entryText).join("\n\n"));
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) throw cause;
    throw new AppError("precondition_failed", `prod's schema cannot be built beside dev: ${cause.message}`, { cause });
  } finally {
    await client.end();
  }
  const failed: ThrowAway["failed"] = [];
  const replayed: MigrationFile[] = [];
  for (const file of request.migrations) {
    const reason = await replay(target, request.table, [...replayed, file]);
    if (reason === undefined) replayed.push(file);
    else failed.push({ name: file.name, reason });
  }
  return failed;
}

/** The last of the files, in a session of its own, as a migration on dev had one; answers why it failed. */
async function replay(
  target: DatabaseTarget,
  table: MigrationTable,
  files: MigrationFile[],
): Promise<string | undefined> {
  const client = await connect(target, { readOnly: false, lockTimeoutMs });
  try {
    await applyMigrations(client, table, files, { appliedBy: "mirror", lockTimeoutMs });
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  } finally {
    await client.end();
  }
}

/** A `dbname` at the end of a URL is the one that counts. */
function databaseBeside(beside: DatabaseTarget, name: string): DatabaseTarget {
  const url = beside.url.reveal().trim();
  const label = "the throw-away database";
  return {
    ...beside,
    label,
    url: new Secret(`${url}${url.includes("?") ? "&" : "?"}dbname=${encodeURIComponent(name)}`),
  };
}

/** Somebody uses it after all: the next run will find it unused. */
async function ignoreInUse(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    // 55006 a session is connected, 2BP01 an object depends on the role, 42501 another role's.
    if (code !== "55006" && code !== "2BP01" && code !== "42501") throw cause;
  }
}
