/**
 * Sessions with the store's database: the owner's, for migrations, and the pool
 * of the application role. The store needs sessions that keep their settings and
 * locks, so a transaction pooler is refused.
 */
import pg from "pg";
import { parse, toClientConfig } from "pg-connection-string";

import { AppError } from "#errors.ts";
import type { Secret } from "#secrets/secret.ts";

import { storeTypes } from "./database.ts";

export const storeSchema = "leveredge";
export const appRole = "leveredge_app";

const connectTimeoutMs = 10_000;
const poolSize = 8;

/**
 * What every session of the application has, set by statements because a session
 * pooler does not pass on startup options. `synchronous_commit` is stated: what
 * the store says it wrote is on disk.
 */
const appSessionSettings = `
  set role ${appRole};
  set search_path = ${storeSchema};
  set timezone = 'UTC';
  set datestyle = 'ISO, YMD';
  set synchronous_commit = on;
  set statement_timeout = '60s';
  set lock_timeout = '10s';
  set idle_in_transaction_session_timeout = '60s'`;

/** Names in migrations are unqualified: they mean the store's schema. */
const ownerSessionSettings = `
  set search_path = ${storeSchema};
  set timezone = 'UTC';
  set datestyle = 'ISO, YMD';
  set synchronous_commit = on;
  set lock_timeout = '2min'`;

/** A session as the role of the URL; the caller ends it. */
export async function openOwnerSession(ownerUrl: Secret): Promise<pg.Client> {
  const client = newClient(ownerUrl);
  // A connection that breaks while idle is reported by the next query.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(ownerSessionSettings);
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw describeConnectFailure(cause);
  }
  return client;
}

export type PoolOptions = {
  applicationName?: string;
  /** Most connections at once. Default 8. */
  max?: number;
  /** How values are read; undefined: as the driver does it. Default: as the store's queries want it. */
  types?: pg.CustomTypesConfig | undefined;
};

/** Connections of the application role; a connection whose settings cannot be made is not handed out. */
export function openPool(ownerUrl: Secret, options: PoolOptions = {}): pg.Pool {
  const types = "types" in options ? options.types : storeTypes;
  const pool = new pg.Pool({
    ...readUrl(ownerUrl),
    application_name: options.applicationName ?? "leveredge",
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    max: options.max ?? poolSize,
    allowExitOnIdle: true,
    ...(types === undefined ? {} : { types }),
    // oxlint-disable-next-line typescript/no-misused-promises -- pg-pool waits for it and fails the connection, its type says void
    onConnect: (client: pg.ClientBase) => {
      // One that breaks while it is in use: its query fails, and the program must not.
      client.on("error", () => undefined);
      return client.query(appSessionSettings);
    },
  });
  // A connection that breaks while idle is replaced by the next query.
  pool.on("error", () => undefined);
  return pool;
}

/**
 * Refuses a pooler that hands out server sessions by transaction: two sessions of
 * ours that are open at once then answer with one process id, or one changes its own.
 */
export async function refuseTransactionPooler(ownerUrl: Secret): Promise<void> {
  const clients = [newClient(ownerUrl), newClient(ownerUrl)] as const;
  for (const client of clients) client.on("error", () => undefined);
  try {
    for (const client of clients) await client.connect();
    const pids: number[][] = [[], []];
    for (const round of [0, 1, 0, 1]) {
      const { rows } = await clients[round === 0 ? 0 : 1].query<{ pid: number }>("select pg_backend_pid() as pid");
      pids[round]?.push(...rows.map((row) => row.pid));
    }
    const [first = [], second = []] = pids.map((seen) => [...new Set(seen)]);
    if (first.length === 1 && second.length === 1 && first[0] !== second[0]) return;
  } catch (cause) {
    throw describeConnectFailure(cause);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
  throw new AppError(
    "precondition_failed",
    "DATABASE_URL leads to a transaction pooler: the store needs sessions of its own for its locks",
    { hint: "Set DATABASE_URL to the database itself or to a session pooler (Supabase: port 5432, not 6543)." },
  );
}

function newClient(ownerUrl: Secret): pg.Client {
  return new pg.Client({
    ...readUrl(ownerUrl),
    application_name: "leveredge",
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  });
}

/** With libpq's meaning of `sslmode`, as psql and every provider's documentation have it. */
function readUrl(url: Secret): pg.ClientConfig {
  const hint = "Write it as postgresql://user:password@host:5432/database";
  const text = url.reveal();
  if (!/^postgres(ql)?:\/\//.test(text)) {
    throw new AppError("invalid_input", "DATABASE_URL does not start with postgresql://", { hint });
  }
  try {
    return toClientConfig(parse(text, { useLibpqCompat: true }));
  } catch (cause) {
    // The parser's message may quote the URL with its password: it is not passed on.
    throw new AppError("invalid_input", `DATABASE_URL is not a PostgreSQL URL${codeOf(cause)}`, { hint });
  }
}

function describeConnectFailure(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const message = cause instanceof Error ? cause.message || codeOf(cause).trim() : String(cause);
  return new AppError("unavailable", `cannot connect to the store's database: ${message}`, {
    hint: "Check that the server of DATABASE_URL answers, or unset it to use the embedded server.",
    cause,
  });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
}
