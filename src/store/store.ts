/**
 * The store: the control plane's own PostgreSQL database. Everything LeverEdge
 * knows is in it, so that any process can die at any time and another goes on.
 *
 * It is an embedded server in the state directory, or with `DATABASE_URL` any
 * PostgreSQL from 15 on. Either way the tables lie in schema `leveredge`, the
 * program works on them as the role `leveredge_app`, and migrations run as the
 * owner. A store written by a newer program is refused; a transaction pooler too.
 */
import pg from "pg";

import { AppError } from "#errors.ts";
import type { Secret } from "#secrets/secret.ts";

import { openDatabase } from "./database.ts";
import { prepareSchema } from "./schema.ts";
import { type Server, startServer, withDatabase } from "./server.ts";
import { openOwnerSession, openPool, refuseTransactionPooler } from "./session.ts";

export type StoreOptions = {
  /** The state directory; the embedded server's files lie in it. */
  directory: string;
  /** Any PostgreSQL instead of the embedded server. */
  databaseUrl?: Secret | undefined;
  /** `$XDG_RUNTIME_DIR`, for the embedded server's socket. */
  runtimeDirectory?: string | undefined;
  /** Where root puts the embedded server's data. Default `/var/lib/leveredge`. */
  dataHome?: string | undefined;
  /** Recorded with each migration: program and version. Default `leveredge`. */
  appliedBy?: string;
  signal?: AbortSignal | undefined;
};

export type Store = {
  /** As the application role, `leveredge` first on the search path. */
  db: ReturnType<typeof openDatabase>;
  /** As the owner of the schema, with password. */
  ownerUrl: Secret;
  /** The embedded server; undefined with `databaseUrl`. */
  server: Server | undefined;
  /** Migrations that this call applied. */
  applied: string[];
  /** What the server promises about a commit; `fsync` or `fullPageWrites` off means a power cut may lose the store. */
  durability: Durability;
  /** Comes back to an embedded server that was killed, see `Server.revive`; true when that started it. */
  revive(): Promise<boolean>;
  /** Closes connections; stops the embedded server when it was started here and nobody else uses it. */
  close(): Promise<void>;
};

export type Durability = { fsync: boolean; fullPageWrites: boolean; synchronousCommit: boolean };

const databaseName = "leveredge";
const oldestVersion = 150_000;

/** Opens the store, ready for use: server started or adopted, schema migrated. */
export async function openStore(options: StoreOptions): Promise<Store> {
  if (options.databaseUrl !== undefined) {
    await refuseTransactionPooler(options.databaseUrl);
    return connectStore(options.databaseUrl, undefined, options);
  }
  const server = await startServer({
    directory: options.directory,
    name: "store",
    major: 18,
    runtimeDirectory: options.runtimeDirectory,
    dataHome: options.dataHome,
    signal: options.signal,
  });
  try {
    return await connectStore(await ensureDatabase(server), server, options);
  } catch (cause) {
    await server.stop();
    throw cause;
  }
}

/** Brings the store's database to this program's schema and answers the migrations applied; a second call applies none. */
export async function migrateStore(
  ownerUrl: Secret,
  options: { appliedBy?: string; signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  const client = await openOwnerSession(ownerUrl);
  try {
    await refuseOldServer(client);
    return await prepareSchema(client, { appliedBy: options.appliedBy ?? "leveredge", signal: options.signal });
  } finally {
    await client.end();
  }
}

async function connectStore(ownerUrl: Secret, server: Server | undefined, options: StoreOptions): Promise<Store> {
  const applied = await migrateStore(ownerUrl, options);
  const pool = openPool(ownerUrl);
  const db = openDatabase(pool);
  try {
    const durability = await readDurability(pool);
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      await db.destroy();
      await server?.stop();
    };
    const revive = async (): Promise<boolean> => (await server?.revive()) === true;
    return { db, ownerUrl, server, applied, durability, revive, close: () => (closed ??= close()) };
  } catch (cause) {
    await db.destroy();
    throw cause;
  }
}

async function ensureDatabase(server: Server): Promise<Secret> {
  const client = await openOwnerSession(server.ownerUrl);
  try {
    const { rows } = await client.query("select 1 from pg_database where datname = $1", [databaseName]);
    if (rows.length === 0) await client.query(`create database ${databaseName}`).catch(ignoreDuplicateDatabase);
  } finally {
    await client.end();
  }
  return withDatabase(server.ownerUrl, databaseName);
}

/** Another process of this state directory made it in the same moment. */
function ignoreDuplicateDatabase(cause: unknown): void {
  if (!(cause instanceof pg.DatabaseError) || !["42P04", "23505"].includes(cause.code ?? "")) throw cause;
}

async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: number; text: string }>(
    "select current_setting('server_version_num')::int as number, current_setting('server_version') as text",
  );
  const [version] = rows;
  if (version !== undefined && version.number >= oldestVersion) return;
  throw new AppError(
    "precondition_failed",
    `the store's server is PostgreSQL ${version?.text ?? "unknown"}, needed is 15 or later`,
    {
      hint: "Set DATABASE_URL to a newer server, or unset it to use the embedded one.",
    },
  );
}

async function readDurability(pool: pg.Pool): Promise<Durability> {
  const { rows } = await pool.query<{ fsync: string; pages: string; commit: string }>(`
    select current_setting('fsync') as fsync,
           current_setting('full_page_writes') as pages,
           current_setting('synchronous_commit') as commit`);
  const [row] = rows;
  return { fsync: row?.fsync === "on", fullPageWrites: row?.pages === "on", synchronousCommit: row?.commit === "on" };
}
