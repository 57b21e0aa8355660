import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { testApp } from "#test/app.ts";

import { authenticate } from "./authentication.ts";
import { roleScopes } from "./roles.ts";
import { createSignInLink, endSession, listLiveSessions, type SignedIn, signIn, signOut } from "./sign-in.ts";
import { createRandomText } from "./token-text.ts";
import { changeUser, createUser } from "./users.ts";

const asker = { name: "test", scopes: roleScopes.admin };
const address = "192.0.2.7";
const minuteMs = 60_000;

type TestApp = App & { wait(ms: number): void };

/** A user of each kind, and a clock that the test sets. */
async function appWithUsers(t: TestContext, settings: Record<string, unknown> = {}): Promise<TestApp> {
  let ms = Date.parse("2026-03-01T12:00:00Z");
  const app: TestApp = {
    ...(await testApp(t, settings)),
    now: () => new Date(ms),
    wait: (more) => {
      ms += more;
    },
  };
  for (const [name, role] of [
    ["damon", "operator"],
    ["eve", "viewer"],
    ["ci", "service"],
  ] as const) {
    await createUser(app, { name, role }, asker);
  }
  return app;
}

async function linkToken(app: App, user = "damon"): Promise<string> {
  return new URL((await createSignInLink(app, user)).url.reveal()).hash.slice(1);
}

function follow(app: App, token: string, sessionCookie?: string): Promise<SignedIn> {
  return signIn(app, { token, sessionCookie, address, userAgent: "test\u001b[31m browser" });
}

async function who(app: App, { cookie }: Pick<SignedIn, "cookie">): Promise<string | undefined> {
  return (await authenticate(app, { sessionCookie: cookie.reveal(), address }))?.actor.name;
}

const isRefused = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

test("a link opens one session, which has the user's role and is bound to prove each change", async (t) => {
  const app = await appWithUsers(t);
  const token = await linkToken(app);

  const signedIn = await follow(app, token);

  assert.deepEqual(
    { user: signedIn.user, role: signedIn.role, expiresAt: signedIn.expiresAt },
    { user: "damon", role: "operator", expiresAt: "2026-03-02T00:00:00.000Z" },
  );
  const found = await authenticate(app, { sessionCookie: signedIn.cookie.reveal(), address });
  assert.equal(found?.csrfProtected, false);
  assert.deepEqual(found?.actor, {
    name: "user:damon",
    role: "operator",
    scopes: [...roleScopes.operator, "me:read:shared", "me:write:shared"],
    via: "session",
  });
  await assert.rejects(follow(app, token), isRefused("unauthenticated"));
});

test("of several browsers that follow one link at once, one gets in", async (t) => {
  const app = await appWithUsers(t);
  const token = await linkToken(app);

  const settled = await Promise.allSettled(Array.from({ length: 5 }, () => follow(app, token)));

  assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
  assert.equal((await listLiveSessions(app, undefined)).length, 1);
});

test("a link ends after ten minutes and with its user, and every refusal reads the same", async (t) => {
  const app = await appWithUsers(t);
  const [old, used, disabled] = [await linkToken(app), await linkToken(app), await linkToken(app, "eve")];
  await follow(app, used);
  await changeUser(app, "eve", { disabled: true }, asker);
  const refusal = (token: string) =>
    follow(app, token).then(
      () => "let in",
      (error: unknown) => String(error),
    );

  const answers = [await refusal(used), await refusal(disabled), await refusal("x"), await refusal("")];
  app.wait(10 * minuteMs);
  answers.push(await refusal(old), await refusal(createRandomText().reveal()));

  assert.deepEqual(new Set(answers), new Set([answers[0]]));
  assert.match(answers[0] ?? "", /this sign-in link is not valid/);
});

test("guessing links is told to wait, and a valid link still opens a session", async (t) => {
  const app = await appWithUsers(t);
  const codes = [];
  for (let tries = 0; tries < 6; tries += 1) {
    codes.push(await follow(app, createRandomText().reveal()).catch((error: AppError) => error.code));
  }

  assert.deepEqual(codes, [...Array(4).fill("unauthenticated"), "rate_limited", "rate_limited"]);
  assert.equal((await follow(app, await linkToken(app))).user, "damon");
});

test("a session ends after 30 idle minutes and, however busy, after 12 hours", async (t) => {
  const app = await appWithUsers(t);
  const [idle, busy] = [await follow(app, await linkToken(app)), await follow(app, await linkToken(app))];

  for (let minutes = 0; minutes < 12 * 60; minutes += 29) {
    assert.equal(await who(app, busy), "user:damon", String(minutes));
    if (minutes === 29) assert.equal((await listLiveSessions(app, "damon")).length, 2);
    if (minutes > 29) assert.equal(await who(app, idle), undefined);
    app.wait(29 * minuteMs);
  }
  assert.equal(await who(app, busy), undefined);
  assert.deepEqual(await listLiveSessions(app, undefined), []);

  await follow(app, await linkToken(app));
  const { rows } = await sql<{ sessions: number }>`select count(*) as sessions from identity_session`.execute(app.db);
  assert.deepEqual(rows, [{ sessions: 1 }]);
});

test("signing in again ends the browser's old session", async (t) => {
  const app = await appWithUsers(t);
  const first = await follow(app, await linkToken(app));

  const second = await follow(app, await linkToken(app, "eve"), first.cookie.reveal());

  assert.equal(await who(app, first), undefined);
  assert.equal(await who(app, second), "user:eve");
  assert.notEqual(first.cookie.reveal(), second.cookie.reveal());
});

test("sessions are listed and ended: one's own, or by who manages users anybody's", async (t) => {
  const app = await appWithUsers(t);
  const [damon, eve] = [await follow(app, await linkToken(app)), await follow(app, await linkToken(app, "eve"))];
  const [session] = await listLiveSessions(app, "eve");
  assert.ok(session);
  assert.deepEqual(
    { user: session.user, address: session.address, userAgent: session.userAgent },
    { user: "eve", address, userAgent: "test [31m browser" },
  );

  await assert.rejects(endSession(app, session.id, { of: "damon", by: asker }), isRefused("not_found"));
  assert.equal(await who(app, eve), "user:eve");
  await endSession(app, session.id, { of: undefined, by: asker });
  assert.equal(await who(app, eve), undefined);
  await assert.rejects(endSession(app, session.id, { of: undefined, by: asker }), isRefused("not_found"));

  await signOut(app, damon.cookie.reveal());
  await signOut(app, damon.cookie.reveal());
  await signOut(app, undefined);
  assert.equal(await who(app, damon), undefined);
  assert.deepEqual(await listLiveSessions(app, undefined), []);
});

test("disabling a user ends its sessions for good", async (t) => {
  const app = await appWithUsers(t);
  const session = await follow(app, await linkToken(app));

  await changeUser(app, "damon", { disabled: true }, asker);
  assert.equal(await who(app, session), undefined);
  await changeUser(app, "damon", { disabled: false }, asker);

  assert.equal(await who(app, session), undefined);
});

test("the link leads to where people reach the server, with its token behind #", async (t) => {
  const [local, proxied] = [
    await appWithUsers(t, { serve: { port: 8123 } }),
    await appWithUsers(t, { serve: { public_url: "https://edge.example.com/" } }),
  ];
  const url = async (app: App, port?: number) =>
    (await createSignInLink(app, "damon", port === undefined ? {} : { port })).url.reveal();

  assert.match(await url(local), /^http:\/\/localhost:8123\/sign-in#[\w-]{43}$/);
  assert.match(await url(local, 9000), /^http:\/\/localhost:9000\/sign-in#/);
  assert.match(await url(proxied), /^https:\/\/edge\.example\.com\/sign-in#[\w-]{43}$/);
});

test("programs, disabled and unknown users get no link", async (t) => {
  const app = await appWithUsers(t);
  await changeUser(app, "eve", { disabled: true }, asker);

  await assert.rejects(createSignInLink(app, "ci"), isRefused("invalid_input"));
  await assert.rejects(createSignInLink(app, "eve"), isRefused("conflict"));
  await assert.rejects(createSignInLink(app, "mole"), isRefused("not_found"));
});

test("no row or event holds a link's or a session's text", async (t) => {
  const app = await appWithUsers(t);
  const token = await linkToken(app);
  const { cookie } = await follow(app, token);
  await sealEvents(app);

  const kept = await Promise.all(
    ["identity_link", "identity_session"].map((table) =>
      sql`select t::text from ${sql.table(table)} t`.execute(app.db),
    ),
  );
  const events = await listEvents(app, { after: 0, limit: 100 });
  const everything = JSON.stringify([kept.map(({ rows }) => rows), events]);
  assert.ok(events.some(({ action, actor }) => action === "identity.sign_in" && actor === "user:damon"));
  for (const text of [token, cookie.reveal()]) {
    assert.ok(!everything.includes(text));
    assert.ok(!everything.includes(Buffer.from(text, "base64url").toString("hex")));
  }
});
