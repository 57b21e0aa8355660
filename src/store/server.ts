/**
 * A PostgreSQL server of our own: the embedded binaries with our own life cycle.
 * It carries the store, the sample platform's databases and the tests.
 *
 * - It is a real PostgreSQL with fsync, started detached: it outlives whoever
 *   started it, also a SIGKILL, and the next process adopts it.
 * - Any number of processes may start the same server at once: one does, under a
 *   file lock, the others adopt.
 * - One that was killed is started again by whoever comes next, or by those who use
 *   it when they look (`revive`); one that was shut down stays down.
 * - Who uses it holds a session on it. Who started it stops it when leaving, but
 *   only when nobody else has a session; nobody else ever does, except `stopServer`.
 * - It listens on a Unix socket in a private directory only, and asks for a
 *   password (scram-sha-256) that lies in a 0600 file of the state directory.
 */
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

import { withFileLock } from "./file-lock.ts";
import { ensureBinaries, ensureDataDirectory, ensurePassword, removeUnfinished } from "./server-files.ts";
import {
  claimDirectory,
  findPlace,
  lockPath,
  makePlace,
  makeSocketDirectory,
  type Place,
  socketFile,
  type ServerAddress,
} from "./server-place.ts";
import { findPostmaster, launch, type Postmaster, shutDown, wasKilled } from "./server-process.ts";

export type StartOptions = ServerAddress & {
  major: 15 | 18;
  /** PostgreSQL's settings beside ours, in effect when this call starts the server. */
  settings?: Record<string, string>;
  signal?: AbortSignal | undefined;
};

export type Server = {
  major: 15 | 18;
  pid: number;
  dataDirectory: string;
  socketDirectory: string;
  /** Superuser URL over the socket, with password; database `postgres`. */
  ownerUrl: Secret;
  /** False when another process had started it. */
  startedHere: boolean;
  /**
   * Comes back to a server that went away: starts it when it was killed and nobody did yet.
   * False when there is nothing to do, and when it was shut down on purpose.
   */
  revive(): Promise<boolean>;
  /** Ends our session; stops the server when it was started here and nobody else uses it. A second call does nothing. */
  stop(): Promise<void>;
};

export { listServerNames, type ServerAddress } from "./server-place.ts";

export type ServerStatus =
  | { state: "absent" | "stopped" }
  | { state: "killed"; logPath: string }
  | { state: "running"; pid: number; startedAt: string; dataDirectory: string; socketDirectory: string };

/** Marks that this process uses the server. */
type Session = { client: pg.Client; socket: Socket; hasEnded: boolean };
/** What is known of a server since we came to it. */
type Entered = { postmaster: Postmaster; ownerUrl: Secret; session: Session; startedHere: boolean };

const sessionName = "leveredge session";
const connectTimeoutMs = 20_000;
const leavingConnectionsMs = 1_000;

/** Small and durable; `fsync` and what belongs to it keep PostgreSQL's defaults. */
const defaultSettings = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  port: "5432",
  timezone: "UTC",
  log_timezone: "UTC",
  shared_buffers: "32MB",
  max_connections: "100",
  jit: "off",
  password_encryption: "scram-sha-256",
  logging_collector: "off",
  log_line_prefix: "%m [%p] ",
  log_checkpoints: "off",
  // A statement may hold a secret: none is ever written to the log.
  log_min_error_statement: "panic",
  log_parameter_max_length: "0",
  log_parameter_max_length_on_error: "0",
};

/**
 * Starts the server, or adopts it when it runs. Returns when it answers. The
 * caller ends with `stop()`.
 */
export async function startServer(address: StartOptions): Promise<Server> {
  const own = await claimDirectory(address);
  return withFileLock(lockPath(own), address.signal, async () => {
    const place = await makePlace(address, own);
    return describeServer(address, place, await enter(address, place));
  });
}

/** What runs, without starting or making anything. */
export async function serverStatus(address: ServerAddress): Promise<ServerStatus> {
  const place = await findPlace(address);
  if (place === undefined) return { state: "absent" };
  const postmaster = await findPostmaster(place.dataDirectory);
  if (postmaster === undefined) {
    const isKilled = await wasKilled(place.dataDirectory);
    return isKilled ? { state: "killed", logPath: place.logPath } : { state: "stopped" };
  }
  const { pid, startedAt, socketDirectory } = postmaster;
  return { state: "running", pid, startedAt, dataDirectory: place.dataDirectory, socketDirectory };
}

/** Stops the server whoever started it and whoever uses it; false when none ran. */
export async function stopServer(address: ServerAddress & { signal?: AbortSignal | undefined }): Promise<boolean> {
  const place = await findPlace(address);
  if (place === undefined) return false;
  return withFileLock(lockPath(place.own), address.signal, async () => {
    if ((await findPostmaster(place.dataDirectory)) === undefined) return false;
    await shutDown(place.dataDirectory);
    return true;
  });
}

/** The URL of another database on the same server. */
export function withDatabase(url: Secret, database: string): Secret {
  return new Secret(url.reveal().replace(/\/[^/]*$/, `/${encodeURIComponent(database)}`));
}

/** A server whose socket was removed (a runtime directory goes with its login session) can only be restarted. */
async function findReachable(place: Place): Promise<Postmaster | undefined> {
  const postmaster = await findPostmaster(place.dataDirectory);
  if (postmaster === undefined || !postmaster.ready) return undefined;
  const hasSocket = await stat(join(postmaster.socketDirectory, socketFile)).then(
    () => true,
    () => false,
  );
  if (hasSocket) return postmaster;
  await shutDown(place.dataDirectory);
  return undefined;
}

/** Call it under the lock. */
async function enter(address: StartOptions, place: Place): Promise<Entered> {
  const password = await ensurePassword(place);
  const running = await findReachable(place);
  const postmaster = running ?? (await start(address, place, password));
  const ownerUrl = new Secret(socketUrl(postmaster.socketDirectory, password));
  return { postmaster, ownerUrl, session: await openSession(ownerUrl, place), startedHere: running === undefined };
}

async function start(address: StartOptions, place: Place, password: Secret): Promise<Postmaster> {
  const { major, signal } = address;
  await removeUnfinished(place);
  const binaries = await ensureBinaries(place, major);
  await ensureDataDirectory(place, { binaries, major, password, signal });
  const socketDirectory = await makeSocketDirectory(address, place);
  // Workers that read ahead cost memory and processes that a small store does not repay.
  const settings = { ...defaultSettings, ...(major === 18 ? { io_method: "sync" } : {}), ...address.settings };
  return launch(place, { binaries, socketDirectory, settings, signal });
}

function describeServer(address: StartOptions, place: Place, first: Entered): Server {
  let entered = first;
  let stopped: Promise<void> | undefined;
  const revive = (): Promise<boolean> =>
    withFileLock(lockPath(place.own), address.signal, async () => {
      if (stopped !== undefined || !entered.session.hasEnded) return false;
      const isThere = (await findPostmaster(place.dataDirectory)) !== undefined;
      if (!isThere && !(await wasKilled(place.dataDirectory))) return false;
      const again = await enter(address, place);
      // It is still ours when it came back by itself, and another's when another process started it.
      const isSame = again.postmaster.pid === entered.postmaster.pid;
      entered = { ...again, startedHere: again.startedHere || (isSame && entered.startedHere) };
      return again.startedHere;
    });
  return {
    major: address.major,
    pid: first.postmaster.pid,
    dataDirectory: place.dataDirectory,
    socketDirectory: first.postmaster.socketDirectory,
    ownerUrl: first.ownerUrl,
    startedHere: first.startedHere,
    revive: async () => entered.session.hasEnded && revive(),
    stop: () => (stopped ??= leave(place, () => entered)),
  };
}

/** Every user opens its session under the lock, so that under the lock the sessions are the users. */
async function leave(place: Place, readEntered: () => Entered): Promise<void> {
  const { session, startedHere } = readEntered();
  session.socket.ref();
  if (!startedHere) return session.client.end().catch(() => undefined);
  await withFileLock(lockPath(place.own), undefined, async () => {
    const { client, hasEnded } = readEntered().session;
    // The server that we started is gone; one that runs now is another's.
    if (hasEnded) return;
    const isUsed = await hasOtherUsers(client);
    await client.end().catch(() => undefined);
    if (!isUsed) await shutDown(place.dataDirectory);
  });
}

/** Connections that this process has just closed take a moment to leave the server's list. */
async function hasOtherUsers(client: pg.Client): Promise<boolean> {
  const deadline = Date.now() + leavingConnectionsMs;
  for (;;) {
    const { connections, users } = await countOthers(client);
    if (users > 0 || connections === 0) return users > 0;
    if (Date.now() > deadline) return true;
    await delay(50);
  }
}

async function countOthers(client: pg.Client): Promise<{ connections: number; users: number }> {
  const query = `
    select count(*)::int as connections,
           (count(*) filter (where application_name = $1))::int as users
    from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`;
  const gone = { connections: 0, users: 0 };
  return client.query<{ connections: number; users: number }>(query, [sessionName]).then(
    ({ rows }) => rows[0] ?? gone,
    // The server went away under us: there is nothing left to stop.
    () => gone,
  );
}

async function openSession(ownerUrl: Secret, place: Place): Promise<Session> {
  const socket = new Socket();
  const client = new pg.Client({
    stream: () => socket,
    connectionString: ownerUrl.reveal(),
    application_name: sessionName,
    connectionTimeoutMillis: connectTimeoutMs,
  });
  const session = { client, socket, hasEnded: false };
  // When the server ends, whoever queries next is told; this session only marks that we are here.
  client.on("error", () => undefined);
  client.on("end", () => (session.hasEnded = true));
  try {
    await client.connect();
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw describeSessionFailure(place, cause);
  }
  // It lasts as long as the process, but does not keep the process alive.
  socket.unref();
  return session;
}

function describeSessionFailure(place: Place, cause: unknown): AppError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const refused = message.includes("password authentication failed");
  return new AppError("unavailable", `the server in ${place.home} runs but does not let us in: ${message}`, {
    hint: refused
      ? `Restore ${place.passwordPath}, which does not hold the server's password.`
      : `Read its log: tail -n 50 ${place.logPath}`,
    cause,
  });
}

function socketUrl(socketDirectory: string, password: Secret): string {
  return `postgresql://postgres:${password.reveal()}@${encodeURIComponent(socketDirectory)}:5432/postgres`;
}
