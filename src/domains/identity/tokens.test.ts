import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { sealEvents, listEvents } from "#events/events.ts";
import { testActors, testToken } from "#test/actors.ts";
import { testApp } from "#test/app.ts";

import { authenticate } from "./authentication.ts";
import { listTokens, listUsers } from "./queries.ts";
import { roleScopes } from "./roles.ts";
import { NewToken } from "./schema.ts";
import { createToken, ensureFirstAdmin, revokeToken } from "./tokens.ts";
import { createUser } from "./users.ts";

const asker = { name: "test", scopes: roleScopes.admin };
const address = "127.0.0.1";
const isRefused = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

test("a token that names what its user's role does not give is refused", async (t) => {
  const app = await testApp(t);
  await createUser(app, { name: "damon", role: "operator" }, asker);
  await createUser(app, { name: "scribe", role: "agent" }, asker);
  const make = (user: string, ...scopes: string[]) =>
    createToken(app, NewToken.parse({ user, name: "x", scopes }), asker);

  for (const scope of ["tokens:write:shared", "*:*:prod", "*:*:*", "mirror:apply:*", "*:apply:shared"]) {
    await assert.rejects(make("damon", "runs:read:prod", scope), isRefused("forbidden", /operator of damon/), scope);
  }
  await assert.rejects(
    make("scribe", "status:read:shared"),
    isRefused("forbidden", /does not give status:read:shared/),
  );
  const { record } = await make("damon", "mirror:apply:dev", "backups:*:dev", "backups:*:dev");
  assert.deepEqual(record.scopes, ["mirror:apply:dev", "backups:*:dev"]);
  assert.equal((await listTokens(app.db)).length, 1);
});

test("nobody makes a token that may do more than he may himself", async (t) => {
  const app = await testApp(t);
  await testActors(app);
  const text = await testToken(app, "admin", { scopes: ["tokens:write:*", "*:read:*"] });
  const found = await authenticate(app, { authorization: `Bearer ${text}`, address });
  assert.ok(found);
  const make = (scopes?: string[]) =>
    createToken(app, NewToken.parse({ user: "admin", name: "x", scopes }), found.actor);

  await assert.rejects(make(), isRefused("forbidden", /may not make this token/));
  await assert.rejects(make(["runs:start:dev"]), isRefused("forbidden", /that gives runs:start:dev/));
  assert.deepEqual((await make(["runs:read:dev"])).record.scopes, ["runs:read:dev"]);
});

test("a service names its scopes, others have those of their role without a word", async (t) => {
  const app = await testApp(t);
  await createUser(app, { name: "ci", role: "service" }, asker);
  await createUser(app, { name: "eve", role: "viewer" }, asker);

  const forService = createToken(app, NewToken.parse({ user: "ci", name: "x" }), asker);
  await assert.rejects(forService, isRefused("invalid_input", /must name its scopes/));
  const { record } = await createToken(app, NewToken.parse({ user: "eve", name: "x" }), asker);
  assert.deepEqual(record.scopes, [...roleScopes.viewer]);
});

test("every token expires, at most a year from now", async (t) => {
  const app = { ...(await testApp(t)), now: () => new Date("2026-03-01T12:00:00Z") };
  await createUser(app, { name: "eve", role: "viewer" }, asker);
  const expiry = async (expires?: string) =>
    (await createToken(app, NewToken.parse({ user: "eve", name: "x", expires }), asker)).record.expiresAt;

  assert.equal(await expiry(), "2026-05-30T12:00:00.000Z");
  assert.equal(await expiry("36h"), "2026-03-03T00:00:00.000Z");
  assert.equal(await expiry("365d"), "2027-03-01T12:00:00.000Z");
  for (const text of ["366d", "8761h", "99999d"]) {
    await assert.rejects(expiry(text), isRefused("invalid_input", /cannot last/), text);
  }
  for (const text of ["", "0d", "-1d", "1w", "1.5d", "30", "d", "1e3d", " 1d"]) {
    assert.ok(!NewToken.safeParse({ user: "eve", name: "x", expires: text }).success, text);
  }
});

test("a token revoked twice is revoked once, and one that never was is not found", async (t) => {
  const app = await testApp(t);
  const { viewer } = await testActors(app);
  const id = viewer.slice(10, 18);

  const answers = await Promise.all(Array.from({ length: 4 }, () => revokeToken(app, id, asker)));
  assert.equal(answers.filter((isFirst) => isFirst).length, 1);
  await assert.rejects(revokeToken(app, "00000000", asker), isRefused("not_found", /no API token 00000000/));

  await sealEvents(app);
  const events = await listEvents(app, { after: 0, limit: 100 });
  assert.equal(events.filter((event) => event.target === id && event.outcome === "revoked").length, 1);
});

test("the first admin is made once, however many ask at once", async (t) => {
  const app = await testApp(t);

  const answers = await Promise.all(Array.from({ length: 6 }, () => ensureFirstAdmin(app)));

  const made = answers.filter((answer) => answer !== undefined);
  assert.equal(made.length, 1);
  const authorization = `Bearer ${made[0]?.token.reveal()}`;
  assert.equal((await authenticate(app, { authorization, address }))?.actor.role, "admin");
  assert.deepEqual(
    (await listUsers(app.db)).map(({ name, role }) => ({ name, role })),
    [{ name: "admin", role: "admin" }],
  );
  assert.equal(await ensureFirstAdmin(app), undefined);
});

test("a store that has an admin gets no other, and a user who has the name keeps it", async (t) => {
  const [app, other] = [await testApp(t), await testApp(t)];
  await createUser(app, { name: "damon", role: "admin" }, asker);
  await createUser(other, { name: "admin", role: "viewer" }, asker);

  assert.equal(await ensureFirstAdmin(app), undefined);
  assert.equal(await ensureFirstAdmin(other), undefined);
  assert.deepEqual(await listTokens(app.db), []);
});

test("the record tells who made which admin's token, in words that say how to end it", async (t) => {
  const app = await testApp(t);
  await createUser(app, { name: "damon", role: "admin" }, asker);
  const scopes = ["tokens:write:shared", "users:*:*"];
  const { record } = await createToken(app, NewToken.parse({ user: "damon", name: "x", scopes }), {
    name: "user:damon/8Fq2Rz0b",
    scopes: roleScopes.admin,
  });
  await createToken(app, NewToken.parse({ user: "damon", name: "y", scopes: ["*:read:*"] }), asker);
  await sealEvents(app);

  const events = await listEvents(app, { after: 0, limit: 100 });
  const [made, narrow] = events.filter(({ action }) => action === "identity.token");
  assert.deepEqual([made?.actor, made?.target, made?.outcome], ["user:damon/8Fq2Rz0b", record.id, "created"]);
  assert.deepEqual(made?.details["scopes"], scopes);
  assert.deepEqual(made?.notice, {
    severity: "normal",
    title: `API token ${record.id} of admin damon was made`,
    text: `Made by user:damon/8Fq2Rz0b; it ends ${record.expiresAt}. If nobody meant it: leveredge tokens revoke ${record.id}`,
  });
  assert.equal(narrow?.notice, undefined);
});

test("no row, event or answer holds a token's text", async (t) => {
  const app = await testApp(t);
  const first = await ensureFirstAdmin(app);
  assert.ok(first);
  const text = first.token.reveal();
  await authenticate(app, { authorization: `Bearer ${text}`, address });
  await sealEvents(app);

  const everything = await dumpRows(app);
  assert.match(everything, /identity_token/);
  assert.ok(everything.includes(text.slice(10, 18)));
  for (const part of [text, text.slice(18), text.slice(18, 61), text.slice(-20)]) {
    assert.ok(!everything.includes(part));
    assert.ok(!everything.includes(Buffer.from(part).toString("hex")));
  }
  assert.ok(!JSON.stringify([first, await listTokens(app.db)]).includes(text.slice(18, 61)));
});

/** Every row of every table of the store, as PostgreSQL writes it. */
async function dumpRows(app: App): Promise<string> {
  const tables = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = 'leveredge'`.execute(app.db);
  const parts = await Promise.all(
    tables.rows.map(({ name }) =>
      sql<{ row: string }>`select concat(${name}::text, ' ', t::text) as row from ${sql.table(name)} t`.execute(app.db),
    ),
  );
  return parts.flatMap(({ rows }) => rows.map(({ row }) => row)).join("\n");
}
