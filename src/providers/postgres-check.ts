/**
 * A check of a PostgreSQL connection URL: connects, reads who it is, leaves. The
 * address is judged and the connection goes to what was judged; the connection is
 * encrypted unless the configuration allows that very origin to be private.
 */
import { Socket } from "node:net";

import pg from "pg";

import { AppError, readErrorCode } from "#errors.ts";
import { tlsNameOf } from "#outbound/address.ts";
import { type ConnectionUrl, isUnixSocket, parseConnectionUrl } from "#postgres/connection-url.ts";
import { Secret } from "#secrets/secret.ts";

import type { CheckTools } from "./ask.ts";
import { readBody } from "./conditions.ts";
import { type Asked, describeSilence } from "./decided.ts";
import type { Check, Provider } from "./provider.ts";
import { readOwnRole } from "./role-queries.ts";
import type { Values } from "./templates.ts";

const connectTimeoutMs = 5_000;
const statementTimeoutMs = 2_000;

const strictModes: ReadonlySet<string> = new Set(["require", "verify-ca", "verify-full"]);

/** The answer's status is `ok` or a SQLSTATE. */
export async function askPostgres(
  tools: Pick<CheckTools, "outbound">,
  provider: Pick<Provider, "name">,
  check: Extract<Check, { kind: "postgres" }>,
  values: Values,
  signal: AbortSignal,
): Promise<Asked> {
  try {
    const client = await connectGuarded(
      { outbound: tools.outbound, signal },
      new Secret(values[check.connection_url] ?? ""),
      provider.name,
    );
    try {
      return answered("ok", JSON.stringify(await readOwnRole(client)));
    } finally {
      await client.end();
    }
  } catch (error) {
    if (error instanceof pg.DatabaseError) return answered(error.code ?? "", "");
    if (error instanceof AppError) return describeSilence(error);
    const why = `PostgreSQL cannot be reached: ${readErrorCode(error) ?? "the connection broke"}`;
    return { state: "silent", verdict: "provider_down", why };
  }
}

/** A connection to the address that was judged. What PostgreSQL itself refuses is thrown with its SQLSTATE as the cause. */
export async function connectGuarded(
  { outbound, signal }: Pick<CheckTools, "outbound"> & { signal: AbortSignal },
  connectionUrl: Secret,
  service: string,
): Promise<pg.Client> {
  const url = readServerUrl(connectionUrl);
  const { address, isPrivate } = await outbound.resolve({
    service,
    scheme: "postgres",
    host: url.host,
    port: url.port,
  });
  signal.throwIfAborted();
  const socket = new Socket();
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", stop));
  const client = new pg.Client({
    stream: () => socket,
    host: address,
    port: url.port,
    user: url.user,
    database: url.database,
    password: url.password?.reveal() ?? "",
    ssl:
      isPrivate && !strictModes.has(url.sslMode) ? false : { ...tlsNameOf(url.host), rejectUnauthorized: !isPrivate },
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs * 2,
    application_name: "leveredge",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    socket.destroy();
    throw cause;
  }
  return client;
}

/** Of a server that is reached by name or address: no socket of this host, no file of this host, no words for the server. */
export function readServerUrl(connectionUrl: Secret): ConnectionUrl {
  const url = parseConnectionUrl("connection_url", connectionUrl);
  const extras = [url.options, url.sslRootCert, url.sslCert, url.sslKey].some((value) => value !== undefined);
  if (!isUnixSocket(url) && !extras) return url;
  throw new AppError("invalid_input", "connection_url names a socket, a certificate file or options of this host", {
    hint: "Give postgresql://USER:PASSWORD@HOST:PORT/DATABASE alone.",
  });
}

function answered(status: string, text: string): Asked {
  return { state: "answered", answer: { status, headers: {}, body: readBody(text, true) } };
}
