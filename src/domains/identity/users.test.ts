import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { AppError } from "#errors.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { testActors, testToken } from "#test/actors.ts";
import { testApp } from "#test/app.ts";

import { authenticate, readUserName } from "./authentication.ts";
import { checkIdentity } from "./checks.ts";
import { listUsers } from "./queries.ts";
import { roleScopes } from "./roles.ts";
import { UserName } from "./schema.ts";
import { changeUser, createUser } from "./users.ts";

const asker = { name: "test", scopes: roleScopes.admin };
const isRefused = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

test("a name is taken once, whoever comes first", async (t) => {
  const app = await testApp(t);
  const attempts = Array.from({ length: 4 }, () => createUser(app, { name: "damon", role: "viewer" }, asker));

  const settled = await Promise.allSettled(attempts);

  const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  assert.equal(refused.length, 3);
  for (const reason of refused) assert.ok(isRefused("conflict", /user damon exists already/)(reason));
  assert.equal((await listUsers(app.db)).length, 1);
});

test("names that a log or a URL could misread are refused", () => {
  for (const name of ["", "Damon", "a/b", "a:b", "a b", "a\n", "1a", "-a", "ä", "a".repeat(64)]) {
    assert.ok(!UserName.safeParse(name).success, name);
  }
  assert.equal(readUserName({ name: "user:d.m-x_1/8Fq2Rz0b" }), "d.m-x_1");
  assert.equal(readUserName({ name: "user:d.m-x_1" }), "d.m-x_1");
});

test("a disabled user is locked out at once and let in again when enabled", async (t) => {
  const app = await testApp(t);
  await createUser(app, { name: "damon", role: "operator" }, asker);
  const authorization = `Bearer ${await testToken(app, "damon")}`;
  const known = async () => (await authenticate(app, { authorization, address: "::1" })) !== undefined;
  assert.ok(await known());

  const first = await changeUser(app, "damon", { disabled: true }, asker);
  assert.ok(!(await known()));
  assert.deepEqual(await changeUser(app, "damon", { disabled: true }, asker), first);

  await changeUser(app, "damon", { disabled: false }, asker);
  assert.ok(await known());
  await sealEvents(app);
  const outcomes = (await listEvents(app, { after: 0, limit: 100 }))
    .filter(({ action }) => action === "identity.user")
    .map(({ outcome }) => outcome);
  assert.deepEqual(outcomes, ["created", "disabled", "enabled"]);
});

test("the last admin who may sign in stays, also when two are disabled at once", async (t) => {
  const app = await testApp(t);
  await createUser(app, { name: "one", role: "admin" }, asker);
  await assert.rejects(
    changeUser(app, "one", { role: "viewer" }, asker),
    isRefused("conflict", /one is the last admin/),
  );
  await createUser(app, { name: "two", role: "admin" }, asker);

  for (const round of [1, 2, 3, 4]) {
    const settled = await Promise.allSettled(
      ["one", "two"].map((name) => changeUser(app, name, { disabled: true }, asker)),
    );

    assert.deepEqual(new Set(settled.map(({ status }) => status)), new Set(["fulfilled", "rejected"]), `${round}`);
    assert.equal((await listUsers(app.db)).filter(({ disabledAt }) => disabledAt === null).length, 1);
    for (const name of ["one", "two"]) await changeUser(app, name, { disabled: false }, asker);
  }
});

test("nobody makes or changes a user who may do more than he may himself", async (t) => {
  const app = await testApp(t);
  await testActors(app);
  const by = { name: "user:eve/00000000", scopes: ["users:write:*", "*:read:*", "sessions:write:*"] } as const;

  await assert.rejects(createUser(app, { name: "mole", role: "admin" }, by), isRefused("forbidden", /role admin/));
  for (const change of [{ disabled: true }, { role: "viewer" }] as const) {
    await assert.rejects(changeUser(app, "admin", change, by), isRefused("forbidden", /change user admin/));
  }
  await assert.rejects(changeUser(app, "viewer", { role: "admin" }, by), isRefused("forbidden", /\*:\*:\*/));
  assert.equal((await changeUser(app, "viewer", { disabled: true }, by)).name, "viewer");
  assert.equal((await createUser(app, { name: "guest", role: "viewer" }, by)).role, "viewer");
});

test("the program can neither widen a token nor rename, delete or re-create a user", async (t) => {
  const app = await testApp(t);
  await testActors(app);

  for (const statement of [
    "update identity_token set scopes = '{*:*:*}'",
    "update identity_token set expires_at = now() + interval '100 days'",
    "update identity_token set hash = sha256('x')",
    "delete from identity_token",
    "update identity_user set name = 'mole'",
    "delete from identity_user",
    "truncate identity_token",
  ]) {
    await assert.rejects(sql.raw(statement).execute(app.db), { code: "42501" }, statement);
  }
});

test("the health check tells of a missing admin and of tokens that end soon", async (t) => {
  const app = { ...(await testApp(t)), now: () => new Date("2026-03-01T12:00:00Z") };
  assert.deepEqual(await checkIdentity(app), []);

  await createUser(app, { name: "eve", role: "viewer" }, asker);
  await testToken(app, "eve", { expires: "30d" });
  const early = await checkIdentity(app);
  assert.deepEqual(
    early.map(({ subject, state }) => [subject, state]),
    [
      ["admins", "loose"],
      ["API tokens", "ok"],
    ],
  );

  await createUser(app, { name: "damon", role: "admin" }, asker);
  const late = await checkIdentity({ ...app, now: () => new Date("2026-03-20T12:00:00Z") });
  assert.deepEqual(
    late.map(({ subject, state }) => [subject, state]),
    [
      ["admins", "ok"],
      ["API tokens", "loose"],
    ],
  );
  assert.match(late[1]?.detail ?? "", /^1 of 1 end within 14 days, first \w{8} \(test\) of eve at 2026-03-31/);
  assert.equal(late[1]?.remedy, "leveredge tokens create --user eve --name NAME");
});
