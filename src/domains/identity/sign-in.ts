/**
 * Signing in with a browser: a one-time link opens a session.
 *
 * The link is made on the host, holds its token behind `#`, where no server, proxy
 * or mail scanner sees it, and is taken only by the POST that its page sends. It
 * is good for ten minutes and one session. A session ends after 30 minutes without
 * a request, 12 hours after it began, or when somebody ends it; its cookie goes to
 * this host alone and is read by no script.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { Secret } from "#secrets/secret.ts";
import { transaction } from "#store/database.ts";
import { findListener } from "#system/server-record.ts";

import { refuseGuess } from "./lockout.ts";
import { programRoles } from "./roles.ts";
import type { Role, Session } from "./schema.ts";
import {
  deleteSession,
  deleteSessionByHash,
  hasLink,
  insertLink,
  insertSession,
  listSessions,
  takeLink,
} from "./sign-in-queries.ts";
import { createRandomText, hashText, isRandomText } from "./token-text.ts";
import { type Asker, hostAsker, requireUser } from "./users.ts";

export const sessionCookie = "__Host-leveredge";
export const sessionIdleMs = 30 * 60 * 1000;

const sessionMs = 12 * 60 * 60 * 1000;
const linkMs = 10 * 60 * 1000;
const userAgentLength = 200;

export type SignInLink = { url: Secret; expiresAt: string };

/** A new link for a person; links made before stay good until they end. */
export async function createSignInLink(
  app: Pick<App, "db" | "keys" | "now" | "config" | "stateDir">,
  userName: string,
  options: { port?: number | undefined } = {},
): Promise<SignInLink> {
  const user = await requireUser(app.db, userName);
  if (user.disabledAt !== null) {
    throw new AppError("conflict", `user ${userName} is disabled`, {
      hint: `Enable it first: leveredge users enable ${userName}`,
    });
  }
  if (programRoles.includes(user.role)) {
    throw new AppError("invalid_input", `user ${userName} is a program (role ${user.role}) and does not sign in`, {
      hint: `Make a token for it: leveredge tokens create --user ${userName} --name NAME`,
    });
  }
  const url = signInPage(app.config.serve, options.port ?? (await findListener(app.stateDir))?.port);
  const token = createRandomText();
  const now = app.now();
  const expiresAt = new Date(now.getTime() + linkMs).toISOString();
  const { hash } = hashText(app.keys, "link", token.reveal());
  await transaction(app.db, async (tx) => {
    await insertLink(tx, { hash, userId: user.id, createdAt: now.toISOString(), expiresAt });
    await appendEvent(tx, app.keys, {
      actor: hostAsker().name,
      action: "identity.sign_in_link",
      target: userName,
      outcome: "created",
      details: { expiresAt },
    });
  });
  return { url: new Secret(`${url}#${token.reveal()}`), expiresAt };
}

/** What a browser brings: the link's token, and the cookie it had before. */
export type SignIn = { token: string; sessionCookie: string | undefined; address: string; userAgent: string };

export type SignedIn = { user: string; role: Role; expiresAt: string; cookie: Secret };

/** Takes the link and opens a session; the browser's old session ends. Every reason to refuse has one answer. */
export async function signIn(app: Pick<App, "db" | "keys" | "now">, request: SignIn): Promise<SignedIn> {
  if (!isRandomText(request.token)) throw linkRefused();
  const { hash } = hashText(app.keys, "link", request.token);
  const signedIn = await openSession(app, hash, request);
  if (signedIn !== undefined) return signedIn;
  // A link that was used or is too old was given to somebody: that is no guess.
  if (!(await hasLink(app.db, hash))) await refuseGuess(app, request.address);
  throw linkRefused();
}

async function openSession(
  app: Pick<App, "db" | "keys" | "now">,
  linkHash: Buffer,
  request: SignIn,
): Promise<SignedIn | undefined> {
  const now = app.now();
  const cookie = createRandomText();
  const expiresAt = new Date(now.getTime() + sessionMs).toISOString();
  return transaction(app.db, async (tx) => {
    const link = await takeLink(tx, linkHash, now.toISOString());
    if (link === undefined) return undefined;
    const old = request.sessionCookie;
    if (old !== undefined && isRandomText(old)) {
      await deleteSessionByHash(tx, hashText(app.keys, "session", old).hash);
    }
    const row = {
      hash: hashText(app.keys, "session", cookie.reveal()).hash,
      userId: link.userId,
      address: request.address,
      userAgent: request.userAgent
        .toWellFormed()
        .replaceAll(/\p{Cc}/gu, " ")
        .slice(0, userAgentLength),
      createdAt: now.toISOString(),
      expiresAt,
    };
    const sessionId = await insertSession(tx, row, sessionIdleMs);
    await appendEvent(tx, app.keys, {
      actor: `user:${link.user}`,
      action: "identity.sign_in",
      target: link.user,
      outcome: "signed in",
      details: { sessionId, address: request.address },
    });
    return { user: link.user, role: link.role, expiresAt, cookie };
  });
}

/** Sessions that go on, of one user or of everybody. */
export function listLiveSessions(app: Pick<App, "db" | "now">, user: string | undefined): Promise<Session[]> {
  return listSessions(app.db, user, app.now().toISOString(), sessionIdleMs);
}

/** Ends a session, with `of` only one of that user; `not_found` when there is none. */
export async function endSession(
  app: Pick<App, "db" | "keys">,
  id: string,
  options: { of: string | undefined; by: Asker },
): Promise<void> {
  await transaction(app.db, async (tx) => {
    const ended = await deleteSession(tx, id, options.of);
    if (ended === undefined) throw new AppError("not_found", `there is no session ${id}`);
    await appendEvent(tx, app.keys, sessionEnded(ended, options.by.name));
  });
}

/** Ends the session of a cookie; without one there is nothing to end. */
export async function signOut(app: Pick<App, "db" | "keys">, cookie: string | undefined): Promise<void> {
  if (cookie === undefined || !isRandomText(cookie)) return;
  await transaction(app.db, async (tx) => {
    const ended = await deleteSessionByHash(tx, hashText(app.keys, "session", cookie).hash);
    if (ended !== undefined) await appendEvent(tx, app.keys, sessionEnded(ended, `user:${ended.user}`));
  });
}

function sessionEnded({ id, user }: { id: string; user: string }, actor: string) {
  return { actor, action: "identity.session", target: user, outcome: "ended", details: { sessionId: id } };
}

/**
 * Over plain HTTP, Chromium and Firefox keep a `__Host-` cookie of this host alone,
 * by the name localhost or by its address; Safari keeps none and needs `public_url`.
 */
function signInPage(serve: App["config"]["serve"], port = serve.port): string {
  if (serve.public_url !== undefined) return `${serve.public_url.replace(/\/+$/, "")}/sign-in`;
  if (port !== 0) return `http://localhost:${port}/sign-in`;
  throw new AppError("invalid_input", "serve.port is 0 and no server of this state directory runs", {
    hint: "Start it: leveredge serve; or name the port of a server elsewhere: leveredge sign-in NAME --port PORT",
  });
}

function linkRefused(): AppError {
  return new AppError("unauthenticated", "this sign-in link is not valid: it was used, is too old or is not ours", {
    hint: "Make a new one on the host: leveredge sign-in",
  });
}
