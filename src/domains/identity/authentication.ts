/** Who sends a request: found by its token or its session, for each request anew, so that revoking works at once. */
import type { App } from "#app.ts";
import type { Actor } from "#http/permission.ts";

import { refuseGuess } from "./lockout.ts";
import { createProofLookup, type FindProof } from "./proof-lookup.ts";
import { type TokenProof, updateLastUsed } from "./queries.ts";
import { intersect, ownScopes, roleScopes } from "./roles.ts";
import { sessionIdleMs } from "./sign-in.ts";
import { findLiveSession, updateLastSeen } from "./sign-in-queries.ts";
import { hashText, isRandomText, matchesToken, readTokenId } from "./token-text.ts";

const touchEveryMs = 60_000;

/** What a request shows of itself. */
export type Credentials = {
  /** The header as it came: `Bearer aegis_pat_…`. */
  authorization?: string | undefined;
  /** Value of the cookie `__Host-leveredge`. */
  sessionCookie?: string | undefined;
  /** Where the request comes from. */
  address: string;
};

export type Authenticated = {
  actor: Actor;
  /**
   * True for a token, which no browser sends by itself. False for a session: a
   * request that changes something must prove that one of our pages sent it.
   */
  csrfProtected: boolean;
};

type Authenticating = Pick<App, "db" | "keys" | "now">;

/**
 * The caller, or undefined: nothing was shown, or what was shown is not valid. A
 * header counts alone, whatever cookie comes with it. Throws `rate_limited` for
 * an address that guesses. With one lookup for many calls, those made together share
 * a query.
 */
export async function authenticate(
  app: Authenticating,
  credentials: Credentials,
  findProof: FindProof = createProofLookup(app),
): Promise<Authenticated | undefined> {
  const { authorization, sessionCookie, address } = credentials;
  if (authorization !== undefined)
    return authenticateToken({ db: app.db, keys: app.keys, now: app.now, findProof }, authorization, address);
  return sessionCookie === undefined ? undefined : authenticateSession(app, sessionCookie);
}

/** The user of an actor that `authenticate` named. */
export function readUserName(actor: Pick<Actor, "name">): string {
  return actor.name.replace(/^user:/, "").replace(/\/.*$/, "");
}

async function authenticateToken(
  app: Authenticating & { findProof: FindProof },
  authorization: string,
  address: string,
): Promise<Authenticated | undefined> {
  const [, text = ""] = /^bearer +(\S{1,200})$/i.exec(authorization) ?? [];
  const id = readTokenId(text);
  if (id === undefined) return undefined;
  const proof = await app.findProof(id);
  if (proof === undefined || !matchesToken(app.keys, text, proof)) {
    await refuseGuess(app, address);
    return undefined;
  }
  const now = app.now();
  if (!isUsable(proof, now)) return undefined;
  if (isStale(proof.lastUsedAt, now)) await updateLastUsed(app.db, id, now.toISOString());
  const actor: Actor = {
    name: `user:${proof.userName}/${id}`,
    role: proof.role,
    scopes: [...intersect(proof.scopes, roleScopes[proof.role]), ...ownScopes],
    via: "token",
  };
  return { actor, csrfProtected: true };
}

async function authenticateSession(app: Authenticating, cookie: string): Promise<Authenticated | undefined> {
  if (!isRandomText(cookie)) return undefined;
  const now = app.now();
  const { hash } = hashText(app.keys, "session", cookie);
  const session = await findLiveSession(app.db, hash, now.toISOString(), sessionIdleMs);
  if (session === undefined) return undefined;
  if (isStale(session.lastSeenAt, now)) await updateLastSeen(app.db, session.id, now.toISOString());
  const actor: Actor = {
    name: `user:${session.user}`,
    role: session.role,
    scopes: [...roleScopes[session.role], ...ownScopes],
    via: "session",
  };
  return { actor, csrfProtected: false };
}

function isUsable({ expiresAt, revokedAt, disabledAt }: TokenProof, now: Date): boolean {
  return revokedAt === null && disabledAt === null && Date.parse(expiresAt) > now.getTime();
}

function isStale(at: string | null, now: Date): boolean {
  return at === null || now.getTime() - Date.parse(at) > touchEveryMs;
}
