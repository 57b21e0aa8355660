import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import type { ServerApp } from "#domain.ts";
import { AppError } from "#errors.ts";
import type { Actor } from "#http/permission.ts";
import type { RouteReply, RouteRequest } from "#http/route.ts";
import { testApp } from "#test/app.ts";

import { authenticate } from "./authentication.ts";
import { roleScopes } from "./roles.ts";
import { identityRoutes } from "./routes.ts";
import { createSignInLink } from "./sign-in.ts";
import { createUser } from "./users.ts";

const address = "192.0.2.7";
const asker = { name: "test", scopes: roleScopes.admin };
const admin: Actor = { name: "user:damon", role: "admin", scopes: roleScopes.admin, via: "session" };
const eve: Actor = { name: "user:eve/8Fq2Rz0b", role: "viewer", scopes: roleScopes.viewer, via: "token" };

type Ask = (method: string, path: string, request?: Partial<RouteRequest>) => Promise<RouteReply>;

/** The routes as the server calls them: input read with the route's schemas, answers with theirs. */
async function openRoutes(t: TestContext): Promise<{ app: ServerApp; ask: Ask }> {
  const app = { ...(await testApp(t)), jobs: { enqueue: () => assert.fail("no route enqueues") } };
  await createUser(app, { name: "damon", role: "admin" }, asker);
  await createUser(app, { name: "eve", role: "viewer" }, asker);
  const routes = identityRoutes(app);
  const ask: Ask = async (method, path, request = {}) => {
    const found = routes.find((route) => route.method === method && route.path === path);
    assert.ok(found, `${method} ${path}`);
    const reply = await found.handle({
      ...{ query: undefined, actor: undefined, address, requestId: "r1", headers: {}, cookies: {} },
      ...{ bytes: Buffer.alloc(0), signal: app.signal, ...request },
      params: found.params?.parse(request.params ?? {}),
      body: found.body?.parse(request.body ?? {}),
    });
    const [[status, shape] = []] = Object.entries(found.response);
    return { status: Number(status), ...reply, body: shape?.parse(reply.body) };
  };
  return { app, ask };
}

test("signing in sets a cookie for this host alone, and signing out takes everything back", async (t) => {
  const { app, ask } = await openRoutes(t);
  const token = new URL((await createSignInLink(app, "damon")).url.reveal()).hash.slice(1);

  const signedIn = await ask("POST", "/sign-in", { body: { token } });
  const [, cookie = ""] =
    /^__Host-leveredge=([\w-]{43}); Path=\/; HttpOnly; Secure; SameSite=Strict$/.exec(
      signedIn.headers?.["set-cookie"] ?? "",
    ) ?? [];
  assert.equal((await authenticate(app, { sessionCookie: cookie, address }))?.actor.name, "user:damon");
  assert.ok(!JSON.stringify(signedIn.body).includes(cookie));

  const signedOut = await ask("POST", "/sign-out", { actor: admin, cookies: { "__Host-leveredge": cookie } });
  assert.equal(signedOut.headers?.["clear-site-data"], '"cookies", "storage"');
  assert.match(signedOut.headers?.["set-cookie"] ?? "", /^__Host-leveredge=; Max-Age=0; Path=\/; .*Secure/);
  assert.equal(await authenticate(app, { sessionCookie: cookie, address }), undefined);
});

test("a token's text is in the answer that makes it and in no other", async (t) => {
  const { ask } = await openRoutes(t);

  const made = await ask("POST", "/tokens", { actor: admin, body: { user: "eve", name: "laptop" } });
  const { token, id } = made.body as { token: string; id: string };
  assert.equal(made.status, 201);
  assert.match(token, /^aegis_pat_/);

  const listed = JSON.stringify((await ask("GET", "/tokens", { actor: admin })).body);
  assert.ok(listed.includes(id));
  assert.ok(!listed.includes(token.slice(18)) && !/hash|keyVersion/i.test(listed));
  assert.equal((await ask("DELETE", "/tokens/:id", { actor: admin, params: { id } })).status, 204);
});

test("a viewer sees and ends his own sessions, an admin everybody's", async (t) => {
  const { app, ask } = await openRoutes(t);
  for (const user of ["damon", "eve"]) {
    const token = new URL((await createSignInLink(app, user)).url.reveal()).hash.slice(1);
    await ask("POST", "/sign-in", { body: { token } });
  }
  const sessionsOf = async (actor: Actor) => {
    const { sessions } = (await ask("GET", "/sessions", { actor })).body as {
      sessions: { id: string; user: string }[];
    };
    return sessions;
  };
  const [damons] = (await sessionsOf(admin)).filter(({ user }) => user === "damon");
  assert.ok(damons);

  assert.deepEqual(
    (await sessionsOf(eve)).map(({ user }) => user),
    ["eve"],
  );
  const foreign = ask("DELETE", "/sessions/:id", { actor: eve, params: { id: damons.id } });
  await assert.rejects(foreign, (error: unknown) => error instanceof AppError && error.code === "not_found");
  await ask("DELETE", "/sessions/:id", { actor: admin, params: { id: damons.id } });
  assert.deepEqual(
    (await sessionsOf(admin)).map(({ user }) => user),
    ["eve"],
  );
});

test("users are made and changed, and everybody may ask who he is", async (t) => {
  const { ask } = await openRoutes(t);

  await ask("POST", "/users", { actor: admin, body: { name: "scribe", role: "agent" } });
  const changed = await ask("PATCH", "/users/:name", {
    actor: admin,
    params: { name: "scribe" },
    body: { disabled: true },
  });
  assert.match(JSON.stringify(changed.body), /"disabledAt":"2/);
  assert.match(JSON.stringify((await ask("GET", "/users", { actor: admin })).body), /scribe/);
  assert.deepEqual((await ask("GET", "/me", { actor: eve })).body, {
    ...eve,
    user: "eve",
    scopes: [...roleScopes.viewer],
  });
});
