/**
 * A role's password, set by the role itself or by another that may. The new one is
 * kept before it is set, so that no kill can lose it; setting it ends the old one for
 * new connections. A date after which the role's password no longer counts (VALID
 * UNTIL) stays as it is: a role may not move its own.
 */
import { randomBytes } from "node:crypto";

import type pg from "pg";

import { AppError, readErrorCode } from "#errors.ts";
import { parseConnectionUrl } from "#postgres/connection-url.ts";
import { connectGuarded } from "#providers/postgres-check.ts";
import { Secret } from "#secrets/secret.ts";

import type { GivenFields } from "#domains/credentials/schema.ts";
import { setPassword } from "./role-queries.ts";
import type { RotationInput, Rotator, RotatorTools } from "./rotator.ts";
import { scramVerifier } from "./scram.ts";

const service = "generic_postgres";

export const postgres: Rotator = { kind: "chosen", choose, apply };

/** Where any password lets in, a new one proves nothing. */
async function choose(tools: RotatorTools, { fields }: RotationInput): Promise<GivenFields> {
  const url = requireUrl(fields);
  const wrong = withPassword(url, randomBytes(12).toString("base64url"));
  if (await letsIn(tools, wrong)) {
    throw new AppError("conflict", "the server lets this role in whatever its password is", {
      hint: "Have pg_hba.conf ask for scram-sha-256.",
    });
  }
  return { ...fields, connection_url: withPassword(url, randomBytes(32).toString("base64url")) };
}

/** As the manager, or as the role itself, unless the new password holds already. */
async function apply(tools: RotatorTools, { fields, manager }: RotationInput, chosen: GivenFields): Promise<void> {
  const url = requireUrl(chosen);
  if (await letsIn(tools, url)) return;
  const { user: role, password } = parseConnectionUrl("connection_url", url);
  const verifier = scramVerifier(password?.reveal() ?? "");
  const client = await connect(tools, requireUrl(manager["connection_url"] === undefined ? fields : manager));
  try {
    await setPassword(client, role, verifier);
  } catch (error) {
    throw describe("did not change the role's password", error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function letsIn(tools: RotatorTools, url: Secret): Promise<boolean> {
  try {
    await (await connectGuarded(tools, url, service)).end();
    return true;
  } catch (error) {
    if (readErrorCode(error) === wrongPassword) return false;
    throw describe("did not say whether the password holds", error);
  }
}

const wrongPassword = "28P01";

async function connect(tools: RotatorTools, url: Secret): Promise<pg.Client> {
  try {
    return await connectGuarded(tools, url, service);
  } catch (error) {
    throw describe("did not let in who is to change the password", error);
  }
}

/** PostgreSQL's own message may name hosts and roles of others: its code is enough. */
function describe(what: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError("upstream_failed", `the PostgreSQL server ${what}: ${readErrorCode(error) ?? "no answer"}`, {
    hint: "Name a credential that may with --with, then go on with the same command.",
  });
}

/** The URL as it is written, with another password: whatever reads it must find that one and nothing else changed. */
export function withPassword(url: Secret, password: string): Secret {
  const text = url.reveal().trim();
  const [, scheme = "", authority = "", rest = ""] = /^([a-z]+:\/\/)([^/?]*)(.*)$/s.exec(text) ?? [];
  const at = authority.lastIndexOf("@");
  const [user = ""] = authority.slice(0, Math.max(at, 0)).split(":");
  const changed = new Secret(`${scheme}${user}:${password}@${authority.slice(at + 1)}${rest}`);
  const before = parseConnectionUrl("connection_url", url);
  const after = parseConnectionUrl("connection_url", changed);
  const isSame = after.host === before.host && after.port === before.port && after.user === before.user;
  if (isSame && after.password?.reveal() === password) return changed;
  throw new AppError("invalid_input", "connection_url has its user or password behind the ?", {
    hint: "Give it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
  });
}

function requireUrl({ connection_url: url }: GivenFields): Secret {
  if (url !== undefined) return url;
  throw new AppError("invalid_input", "the credential has no connection_url");
}
