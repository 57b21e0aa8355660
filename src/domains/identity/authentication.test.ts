import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { crc32 } from "node:zlib";

import { type KyselyPlugin, sql } from "kysely";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { sealEvents, listEvents } from "#events/events.ts";
import { testActors, testToken } from "#test/actors.ts";
import { testApp } from "#test/app.ts";

import { authenticate } from "./authentication.ts";
import { createProofLookup } from "./proof-lookup.ts";
import { findToken } from "./queries.ts";
import { roleScopes } from "./roles.ts";
import { createTokenText, readTokenId } from "./token-text.ts";
import { revokeToken } from "./tokens.ts";
import { changeUser, createUser } from "./users.ts";

const asker = { name: "test", scopes: roleScopes.admin };
const address = "192.0.2.7";
const dayMs = 24 * 60 * 60 * 1000;

/** An app whose clock the test sets. */
async function appAt(t: TestContext, start: string): Promise<App & { wait(ms: number): void }> {
  let ms = Date.parse(start);
  const app = await testApp(t);
  return {
    ...app,
    now: () => new Date(ms),
    wait: (more) => {
      ms += more;
    },
  };
}

function show(app: App, token: string, header = "Bearer") {
  return authenticate(app, { authorization: `${header} ${token}`, address });
}

test("a token of each role gives that role's scopes, and everybody his own", async (t) => {
  const app = await testApp(t);
  const tokens = await testActors(app);

  for (const role of ["viewer", "operator", "admin", "agent", "service"] as const) {
    const found = await show(app, tokens[role]);
    assert.equal(found?.csrfProtected, true);
    assert.deepEqual(found?.actor, {
      name: `user:${role}/${tokens[role].slice(10, 18)}`,
      role,
      scopes: [...roleScopes[role], "me:read:shared", "me:write:shared"],
      via: "token",
    });
  }
});

test("nothing, an expired, a revoked and a disabled user's token open nothing", async (t) => {
  const app = await testApp(t);
  const { expired, revoked, disabled, admin } = await testActors(app);

  assert.equal(await authenticate(app, { address }), undefined);
  for (const token of [expired, revoked, disabled]) assert.equal(await show(app, token), undefined);
  assert.equal(await show(app, admin, "Basic"), undefined);
  assert.notEqual(await show(app, admin, "bearer"), undefined);
});

test("a token ends at its expiry, to the millisecond", async (t) => {
  const app = await appAt(t, "2026-03-01T12:00:00Z");
  await createUser(app, { name: "damon", role: "viewer" }, asker);
  const token = await testToken(app, "damon", { expires: "30d" });

  app.wait(30 * dayMs - 1);
  assert.notEqual(await show(app, token), undefined);
  app.wait(1);
  assert.equal(await show(app, token), undefined);
});

test("a token is revoked from the next request on", async (t) => {
  const app = await testApp(t);
  await createUser(app, { name: "damon", role: "viewer" }, asker);
  const token = await testToken(app, "damon");
  assert.notEqual(await show(app, token), undefined);

  await revokeToken(app, token.slice(10, 18), asker);

  assert.equal(await show(app, token), undefined);
});

test("a token shrinks with its user's role and never grows beyond what it was made with", async (t) => {
  const app = await testApp(t);
  await createUser(app, { name: "damon", role: "operator" }, asker);
  const token = await testToken(app, "damon", { scopes: ["backups:read:prod", "backups:create:*"] });
  const scopesAs = async (role: "viewer" | "admin") => {
    await changeUser(app, "damon", { role }, asker);
    return (await show(app, token))?.actor.scopes.filter((scope) => !scope.startsWith("me:"));
  };

  assert.deepEqual(await scopesAs("viewer"), ["backups:read:prod"]);
  assert.deepEqual(await scopesAs("admin"), ["backups:read:prod", "backups:create:*"]);
});

test("a text that is no token is answered without the store", async (t) => {
  const app = await testApp(t);
  const noStore = new Proxy(app.db, { get: () => assert.fail("the store was asked") });
  const token = createTokenText().text.reveal();

  for (const text of ["", "x", token.slice(0, -1), `${token}a`, `${token.slice(0, 20)}%${token.slice(21)}`]) {
    assert.equal(await show({ ...app, db: noStore }, text), undefined);
  }
  assert.equal(await authenticate({ ...app, db: noStore }, { sessionCookie: "x", address }), undefined);
});

test("another store's token opens nothing, even when its row is copied here", async (t) => {
  const [app, other] = [await testApp(t), await testApp(t)];
  const { admin } = await testActors(other);
  assert.equal(await show(app, admin), undefined);

  await createUser(app, { name: "admin", role: "admin" }, asker);
  const { rows } = await sql<{ hash: Buffer }>`
    select hash from identity_token where id = ${admin.slice(10, 18)}`.execute(other.db);
  await sql`
    insert into identity_token (id, user_id, name, scopes, hash, key_version, created_at, created_by, expires_at)
    select ${admin.slice(10, 18)}, id, 'x', '{*:*:*}', ${rows[0]?.hash}, 1, now(), 'x', now() + interval '1 day'
    from identity_user`.execute(app.db);

  assert.equal(await show(app, admin), undefined);
});

test("a well-formed text under the id of a real token opens nothing", async (t) => {
  const app = await testApp(t);
  const { admin } = await testActors(app);

  assert.equal(await show(app, forgeToken(admin, 18)), undefined);
  assert.equal(await show(app, forgeToken(admin, 60)), undefined);
  assert.notEqual(await show(app, admin), undefined);
});

/** A text that is `token` for so many characters and differs in the next, with a checksum that is right. */
function forgeToken(token: string, same: number): string {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const other = token[same] === "0" ? "1" : "0";
  const body = `${token.slice(0, same)}${other}${createTokenText()
    .text.reveal()
    .slice(same + 1, 61)}`;
  const digits = Array.from({ length: 6 }, (_, index) => Math.floor(crc32(body) / 62 ** (5 - index)) % 62);
  const text = body + digits.map((digit) => alphabet[digit]).join("");
  assert.equal(readTokenId(text), token.slice(10, 18));
  return text;
}

test("a wrong header is not made good by a cookie", async (t) => {
  const app = await testApp(t);
  const { admin } = await testActors(app);

  assert.equal(await authenticate(app, { authorization: "Bearer x", sessionCookie: admin, address }), undefined);
});

test("the last use is written once a minute", async (t) => {
  const app = await appAt(t, "2026-03-01T12:00:00.000Z");
  await createUser(app, { name: "damon", role: "viewer" }, asker);
  const token = await testToken(app, "damon");
  const lastUse = async () => {
    await show(app, token);
    return (await findToken(app.db, token.slice(10, 18)))?.lastUsedAt;
  };

  assert.equal(await lastUse(), "2026-03-01T12:00:00.000Z");
  app.wait(60_000);
  assert.equal(await lastUse(), "2026-03-01T12:00:00.000Z");
  app.wait(1);
  assert.equal(await lastUse(), "2026-03-01T12:01:00.001Z");
});

test("the fifth guess from an address is told to wait, said once, and locks nobody out", async (t) => {
  const app = await appAt(t, "2026-03-01T12:00:00Z");
  const { admin } = await testActors(app);
  const guess = () =>
    show(app, createTokenText().text.reveal()).catch((error: unknown) =>
      error instanceof AppError ? error.code : error,
    );

  const answers = [];
  for (let tries = 0; tries < 8; tries += 1) answers.push(await guess());
  assert.deepEqual(answers, [...Array(4).fill(undefined), ...Array(4).fill("rate_limited")]);
  assert.equal((await show(app, admin))?.actor.role, "admin");

  app.wait(15 * 60_000);
  assert.equal(await guess(), undefined);

  await sealEvents(app);
  const lockouts = (await listEvents(app, { after: 0, limit: 100 })).filter((event) =>
    event.action.endsWith("lockout"),
  );
  assert.deepEqual(
    lockouts.map(({ actor, target, outcome }) => ({ actor, target, outcome })),
    [{ actor: "anonymous", target: address, outcome: "refused" }],
  );
});

test("expired and revoked tokens are no guesses", async (t) => {
  const app = await testApp(t);
  const { expired, revoked } = await testActors(app);

  for (let tries = 0; tries < 6; tries += 1) {
    assert.equal(await show(app, expired), undefined);
    assert.equal(await show(app, revoked), undefined);
  }
});

test("tokens shown together are read by one query, each opens its own, and one revoked before opens nothing", async (t) => {
  const app = await testApp(t);
  const { viewer, admin, revoked } = await testActors(app);
  let queries = 0;
  const countQuery: KyselyPlugin = {
    transformQuery: ({ node }) => {
      queries += 1;
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  };
  const findProof = createProofLookup({ db: app.db.withPlugin(countQuery) });
  const ask = (token: string) => authenticate(app, { authorization: `Bearer ${token}`, address }, findProof);

  const together = await Promise.all([viewer, admin, revoked, createTokenText().text.reveal(), viewer].map(ask));
  const queriesTogether = queries;
  await revokeToken(app, admin.slice(10, 18), asker);
  const after = await Promise.all([viewer, admin].map(ask));

  assert.deepEqual(
    together.map((found) => found?.actor.role),
    ["viewer", "admin", undefined, undefined, "viewer"],
  );
  assert.equal(queriesTogether, 1);
  assert.deepEqual(
    after.map((found) => found?.actor.role),
    ["viewer", undefined],
  );
});
