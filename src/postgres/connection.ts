/**
 * Connections to the operator's databases. A source is opened read only; a
 * password travels in memory and in a child's environment, never in argv, URLs
 * we print or errors. A transaction pooler is refused: locks and settings of a
 * session would land in somebody else's.
 */
import { readFile } from "node:fs/promises";
import type { ConnectionOptions as TlsOptions } from "node:tls";

import pg from "pg";

import { AppError } from "#errors.ts";
import type { Secret } from "#secrets/secret.ts";

import { connectFailure, poolerRefusal } from "./connection-failure.ts";
import { applySettings, findBackendPid, findIdentity, findSystemIdentifier } from "./connection-queries.ts";
import { type ConnectionUrl, isUnixSocket, parseConnectionUrl } from "./connection-url.ts";

export type DatabaseTarget = {
  /** For people: `prod`, `dev`, `--to-url`. */
  label: string;
  url: Secret;
  /** Prefix words for client programs in a container: `["docker", "exec", "-i", "supabase-db"]`. */
  via?: string[];
};

export type ConnectOptions = {
  /** `default_transaction_read_only=on` for the whole session, set by the client after connecting. */
  readOnly: boolean;
  statementTimeoutMs?: number;
  lockTimeoutMs?: number;
};

/** Which database this is, whatever name it was reached by. */
export type DatabaseIdentity = {
  /** `unreadable` where the role may not read it (some hosters). */
  systemIdentifier: string;
  database: string;
  /** As in `server_version_num`: 150018. */
  serverVersion: number;
  /** When this server started, to the microsecond. */
  startedAt: string;
};

const connectTimeoutMs = 10_000;
const poolerProbeRounds = 5;

/** Where Debian and its relatives keep the public authorities; libpq has no default of its own. */
const systemRootCert = "/etc/ssl/certs/ca-certificates.crt";

/** An open session; the caller ends it. The error names the label and the cause, never the URL. */
export async function connect(target: DatabaseTarget, options: ConnectOptions): Promise<pg.Client> {
  const url = parseConnectionUrl(target.label, target.url);
  const client = await openSession(target.label, url);
  try {
    if (await isBehindPooler(client)) await refuseSharedBackend(target.label, url, client);
    await applySettings(client, sessionSettings(options));
  } catch (cause) {
    await client.end();
    throw cause instanceof AppError ? cause : connectFailure(target.label, url, cause);
  }
  return client;
}

/** Asks the server which database this is. */
export async function identify(client: pg.Client): Promise<DatabaseIdentity> {
  const { mayReadControl, ...identity } = await findIdentity(client);
  const systemIdentifier = mayReadControl ? await findSystemIdentifier(client) : undefined;
  return { systemIdentifier: systemIdentifier ?? "unreadable", ...identity };
}

/** Whether two sessions of now look at one database; a physical replica counts as the same. */
export function isSameDatabase(left: DatabaseIdentity, right: DatabaseIdentity): boolean {
  if (left.database !== right.database) return false;
  const isReadable = left.systemIdentifier !== "unreadable" && right.systemIdentifier !== "unreadable";
  return isReadable ? left.systemIdentifier === right.systemIdentifier : left.startedAt === right.startedAt;
}

/** `precondition_failed` when sessions are not sessions, also where a pooler hides itself. */
export async function refuseTransactionPooler(target: DatabaseTarget): Promise<void> {
  const url = parseConnectionUrl(target.label, target.url);
  const client = await openSession(target.label, url);
  try {
    await refuseSharedBackend(target.label, url, client);
  } finally {
    await client.end();
  }
}

/** A pooler makes up the process number that a session gets when it begins. */
async function isBehindPooler(client: pg.Client): Promise<boolean> {
  return !("processID" in client) || client.processID !== (await findBackendPid(client));
}

/**
 * Refuses when two sessions that are open at the same time answer from one backend, or
 * one of them changes its backend. Nothing is set before: a read-only mode would stay
 * with the backend, and the programs of prod would get it next.
 */
async function refuseSharedBackend(label: string, url: ConnectionUrl, first: pg.Client): Promise<void> {
  const second = await openSession(label, url);
  try {
    const ownPid = await findBackendPid(first);
    for (let round = 0; round < poolerProbeRounds; round += 1) {
      const otherPid = await findBackendPid(second);
      const samePid = await findBackendPid(first);
      if (otherPid === ownPid || samePid !== ownPid) throw poolerRefusal(label);
    }
  } finally {
    await second.end();
  }
}

/**
 * What `psql` and `pg_dump` need to reach the target. Through a container, a
 * loopback or socket URL means the container's own server: host and port are
 * left to its defaults.
 */
export function clientProgramEnvironment(
  target: DatabaseTarget,
  options: { readOnly: boolean },
): Record<string, string> {
  const url = parseConnectionUrl(target.label, target.url);
  const isContainersOwn = target.via !== undefined && isOfThisHost(url);
  const verifies = url.sslMode === "verify-ca" || url.sslMode === "verify-full";
  const rootCert = url.sslRootCert ?? (verifies ? systemRootCert : undefined);
  const serverOptions = [url.options, options.readOnly ? "-c default_transaction_read_only=on" : undefined];
  const environment: Record<string, string | undefined> = {
    PGHOST: isContainersOwn ? undefined : url.host,
    PGPORT: isContainersOwn ? undefined : String(url.port),
    PGUSER: url.user,
    PGPASSWORD: url.password?.reveal(),
    PGPASSFILE: "/dev/null",
    PGDATABASE: url.database,
    PGSSLMODE: isContainersOwn ? undefined : url.sslMode,
    PGSSLROOTCERT: rootCert,
    PGSSLCERT: url.sslCert,
    PGSSLKEY: url.sslKey,
    PGCHANNELBINDING: url.channelBinding,
    PGOPTIONS: serverOptions.filter((part) => part !== undefined).join(" "),
    PGCONNECT_TIMEOUT: String(connectTimeoutMs / 1000),
    PGCLIENTENCODING: "UTF8",
    PGAPPNAME: "leveredge",
  };
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * The words that start a client program for the target: as they are, or behind
 * `via`, where the container gets the `PG*` variables by name, so that no value
 * stands in argv. The values come from `clientProgramEnvironment`.
 */
export function clientProgram(
  target: DatabaseTarget,
  program: string,
  args: readonly string[],
): { program: string; args: string[] } {
  if (target.via === undefined) return { program, args: [...args] };
  const execAt = target.via.indexOf("exec");
  const [command, ...prefix] = target.via;
  if (command === undefined || execAt < 1) {
    throw new AppError("invalid_input", `${target.label}: via must be an exec command of a container`, {
      hint: 'Write via: "docker exec -i CONTAINER".',
    });
  }
  const names = Object.keys(clientProgramEnvironment(target, { readOnly: true }));
  const passed = names.flatMap((name) => ["-e", name]);
  return { program: command, args: [...prefix.slice(0, execAt), ...passed, ...prefix.slice(execAt), program, ...args] };
}

function isOfThisHost(url: ConnectionUrl): boolean {
  return isUnixSocket(url) || url.host === "localhost" || url.host === "::1" || url.host.startsWith("127.");
}

function sessionSettings(options: ConnectOptions): Record<string, string> {
  return {
    ...(options.readOnly ? { default_transaction_read_only: "on" } : {}),
    ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: String(options.statementTimeoutMs) }),
    ...(options.lockTimeoutMs === undefined ? {} : { lock_timeout: String(options.lockTimeoutMs) }),
  };
}

async function openSession(label: string, url: ConnectionUrl): Promise<pg.Client> {
  let failure: unknown;
  for (const ssl of await tlsAttempts(label, url)) {
    const client = new pg.Client({
      host: url.host,
      port: url.port,
      user: url.user,
      // A function, so that neither the environment nor a password file of this host fills a gap.
      password: () => url.password?.reveal() ?? "",
      database: url.database,
      ssl,
      ...(url.options === undefined ? {} : { options: url.options }),
      enableChannelBinding: url.channelBinding === "require",
      connectionTimeoutMillis: connectTimeoutMs,
      application_name: "leveredge",
      keepAlive: true,
    });
    // A connection that breaks while idle is reported by the next query.
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (cause) {
      failure ??= cause;
      await client.end();
      if (!isWorthNextAttempt(cause)) throw connectFailure(label, url, cause);
    }
  }
  throw connectFailure(label, url, failure);
}

/** The ways to try in turn, as libpq does: `prefer` tries TLS and then plain. */
async function tlsAttempts(label: string, url: ConnectionUrl): Promise<(false | TlsOptions)[]> {
  if (isUnixSocket(url) || url.sslMode === "disable") return [false];
  const read = (path: string | undefined): Promise<string> | undefined =>
    path === undefined ? undefined : readCertificate(label, path);
  const ca = await read(url.sslRootCert === "system" ? undefined : url.sslRootCert);
  const cert = await read(url.sslCert);
  const key = await read(url.sslKey);
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const unverified = { ...files, rejectUnauthorized: false };
  const authorityOnly = { ...files, checkServerIdentity: () => undefined };
  switch (url.sslMode) {
    case "allow":
      return [false, unverified];
    case "prefer":
      return [unverified, false];
    case "require":
      return [ca === undefined ? unverified : authorityOnly];
    case "verify-ca":
      return [authorityOnly];
    case "verify-full":
      return [files];
  }
}

async function readCertificate(label: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AppError("invalid_input", `${label}: cannot read the certificate file ${path}`, { cause });
  }
}

/** The server speaks no TLS, or refuses this user over this way: the other way may still be open. */
function isWorthNextAttempt(cause: unknown): boolean {
  return cause instanceof Error && /does not support SSL connections|no pg_hba\.conf entry/.test(cause.message);
}
