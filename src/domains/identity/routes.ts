/** What `leveredge serve` answers about identity. A token's text leaves once, in the answer that makes it. */
import { z } from "zod";

import type { ServerApp } from "#domain.ts";
import { type Actor, allows } from "#http/permission.ts";
import { type Route, requireActor, route } from "#http/route.ts";

import { readUserName } from "./authentication.ts";
import { listTokens, listUsers } from "./queries.ts";
import { ApiToken, NewToken, NewUser, Role, ScopeText, Session, User, UserChange, UserName } from "./schema.ts";
import { endSession, listLiveSessions, sessionCookie, signIn, signOut } from "./sign-in.ts";
import { createToken, revokeToken } from "./tokens.ts";
import { changeUser, createUser } from "./users.ts";

const cookieAttributes = "Path=/; HttpOnly; Secure; SameSite=Strict";

const Me = z.object({
  name: z.string(),
  user: z.string(),
  role: Role,
  scopes: z.array(ScopeText),
  via: z.enum(["token", "session"]),
});

/** Tokens, users, sessions, and the way in. */
export function identityRoutes(app: ServerApp): readonly Route[] {
  return [...signInRoutes(app), ...sessionRoutes(app), ...tokenRoutes(app), ...userRoutes(app)];
}

function signInRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/sign-in",
      summary: "open a session with a one-time link's token",
      description: "The token is what stands behind # in the link. It is good for ten minutes and one session.",
      permission: "public",
      body: z.strictObject({ token: z.string().max(200) }),
      response: { 200: z.object({ user: z.string(), role: Role, expiresAt: z.string() }) },
      handle: async ({ body, cookies, address, headers }) => {
        const { cookie, ...signedIn } = await signIn(app, {
          token: body.token,
          sessionCookie: cookies[sessionCookie],
          address,
          userAgent: headers["user-agent"] ?? "",
        });
        return {
          body: signedIn,
          headers: { "set-cookie": `${sessionCookie}=${cookie.reveal()}; ${cookieAttributes}` },
        };
      },
    }),
    route({
      method: "POST",
      path: "/sign-out",
      summary: "end the session of this browser",
      permission: "me:write",
      response: { 204: undefined },
      handle: async ({ cookies }) => {
        await signOut(app, cookies[sessionCookie]);
        return {
          headers: {
            "clear-site-data": '"cookies", "storage"',
            "set-cookie": `${sessionCookie}=; Max-Age=0; ${cookieAttributes}`,
          },
        };
      },
    }),
    route({
      method: "GET",
      path: "/me",
      summary: "who you are and what you may do",
      permission: "me:read",
      response: { 200: Me },
      handle: async (request) => {
        const actor = requireActor(request);
        return { body: { ...actor, user: readUserName(actor) } };
      },
    }),
  ];
}

function sessionRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/sessions",
      summary: "your sessions that go on; everybody's for who manages users",
      permission: "sessions:read",
      response: { 200: z.object({ sessions: z.array(Session) }) },
      handle: async (request) => ({
        body: { sessions: await listLiveSessions(app, reachOf(requireActor(request))) },
      }),
    }),
    route({
      method: "DELETE",
      path: "/sessions/:id",
      summary: "end one of your sessions; anybody's for who manages users",
      permission: "sessions:write",
      params: z.object({ id: z.uuid() }),
      response: { 204: undefined },
      handle: async (request) => {
        const by = requireActor(request);
        await endSession(app, request.params.id, { of: reachOf(by), by });
        return {};
      },
    }),
  ];
}

function tokenRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/tokens",
      summary: "API tokens, the newest first",
      permission: "tokens:read",
      response: { 200: z.object({ tokens: z.array(ApiToken) }) },
      handle: async () => ({ body: { tokens: await listTokens(app.db) } }),
    }),
    route({
      method: "POST",
      path: "/tokens",
      summary: "make an API token; its text is in this answer alone",
      description: "It may do no more than its user's role and no more than you.",
      permission: "tokens:write",
      body: NewToken,
      response: { 201: ApiToken.extend({ token: z.string() }) },
      handle: async (request) => {
        const { token, record } = await createToken(app, request.body, requireActor(request));
        return { body: { ...record, token: token.reveal() } };
      },
    }),
    route({
      method: "DELETE",
      path: "/tokens/:id",
      summary: "revoke an API token from the next request on",
      permission: "tokens:write",
      params: z.object({ id: ApiToken.shape.id.max(8) }),
      response: { 204: undefined },
      handle: async (request) => {
        await revokeToken(app, request.params.id, requireActor(request));
        return {};
      },
    }),
  ];
}

function userRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/users",
      summary: "users by name",
      permission: "users:read",
      response: { 200: z.object({ users: z.array(User) }) },
      handle: async () => ({ body: { users: await listUsers(app.db) } }),
    }),
    route({
      method: "POST",
      path: "/users",
      summary: "make a user",
      permission: "users:write",
      body: NewUser,
      response: { 201: User },
      handle: async (request) => ({ body: await createUser(app, request.body, requireActor(request)) }),
    }),
    route({
      method: "PATCH",
      path: "/users/:name",
      summary: "give a user another role, disable or enable it",
      permission: "users:write",
      params: z.object({ name: UserName }),
      body: UserChange,
      response: { 200: User },
      handle: async (request) => ({
        body: await changeUser(app, request.params.name, request.body, requireActor(request)),
      }),
    }),
  ];
}

/** Whose sessions an actor reaches: everybody's (undefined) when it manages users, else its own. */
function reachOf(actor: Actor): string | undefined {
  return allows(actor.scopes, "users:write", "shared") ? undefined : readUserName(actor);
}
