import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { sql } from "kysely";

import { Secret } from "#secrets/secret.ts";
import { run } from "#store/database.ts";
import { json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";
import type { Answer } from "#test/outside-server.ts";

import { claimChecks, listChecks } from "./check-queries.ts";
import { removeCredential, replaceValue } from "./credentials.ts";

const by = { name: "user:test" };
const html: Answer = { status: 401, headers: { "content-type": "text/html" }, body: "<!doctype html><p>401" };

test("a live key is valid with its account, scopes and end, and the check is kept", async (t) => {
  const { answers, add, check, read, app } = await openCheckedCredentials(t);
  const { id } = await add("one", { expires_at: "2030-01-01T00:00:00Z" });
  const told = { account: "team-a", scopes: ["read", "write"], expires_at: "2031-05-06T07:08:09Z" };
  answers.set(keyOf("one"), json(200, told));

  const checked = await check("one");

  assert.equal(checked.state === "checked" ? checked.answer.verdict : checked.why, "valid");
  const { validationStatus, identity, scopes, expiresAt, expirySource, revision } = await read("one");
  assert.deepEqual(
    { validationStatus, identity, scopes, expiresAt, expirySource },
    {
      ...{ validationStatus: "valid", identity: "team-a", scopes: ["read", "write"] },
      ...{ expiresAt: "2031-05-06T07:08:09.000Z", expirySource: "discovered" },
    },
  );
  assert.equal(revision, 2, "a check is in nobody's way");
  const [kept] = await listChecks(app.db, id, 10);
  assert.deepEqual(
    [kept?.verdict, kept?.status, kept?.version, kept?.requestedBy, kept?.checkedAt],
    ["valid", "200", 1, "user:test", (await read("one")).attemptedAt],
  );
});

test("without a date of the provider the declared one holds again", async (t) => {
  const { answers, add, check, read, letPass } = await openCheckedCredentials(t);
  await add("one", { expires_at: "2030-01-01T00:00:00Z" });
  answers.set(keyOf("one"), json(200, { expires_at: "2031-05-06T07:08:09Z" }));
  await check("one");
  answers.set(keyOf("one"), json(200, {}));
  await letPass(3601);

  await check("one");

  const { expiresAt, expirySource } = await read("one");
  assert.deepEqual([expiresAt, expirySource], ["2030-01-01T00:00:00.000Z", "declared"]);
});

test("a key is dead after the second dead answer a minute later, is told of once and not asked for again", async (t) => {
  const { server, add, check, read, letPass, told } = await openCheckedCredentials(t);
  await add("one");

  const first = await check("one");
  assert.deepEqual(
    [first.state === "checked" && first.needsConfirmation, first.credential.validationStatus],
    [true, "unknown"],
  );
  assert.equal((await read("one")).deadVerdict, "invalid");
  const early = await check("one");
  assert.match(early.state === "skipped" ? early.why : "", /^its dead answer can be confirmed from 2\d{3}-/);
  const forced = await check("one", { force: true });
  assert.equal(forced.credential.validationStatus, "unknown", "within the minute it confirms nothing");
  assert.deepEqual(await told(), []);
  await letPass(61);
  const second = await check("one");
  assert.equal(second.credential.validationStatus, "invalid");
  await letPass(100_000);
  const third = await check("one");
  assert.match(third.state === "skipped" ? third.why : "", /^it is invalid: it is asked again when its value changes/);
  await check("one", { force: true });

  assert.equal(server.asked.length, 4);
  assert.deepEqual(await told(), ["dead credential one"]);
});

test("a new value of a dead key is asked for, and its life is known at once", async (t) => {
  const { app, answers, add, check, letPass } = await openCheckedCredentials(t);
  await add("one");
  await check("one");
  await letPass(61);
  await check("one");
  answers.set("acme-another-key", json(200, {}));

  await replaceValue(app, "one", { api_key: new Secret("acme-another-key") }, by);
  const checked = await check("one");

  assert.equal(checked.credential.validationStatus, "valid");
});

test("a forced check that finds a dead key alive says so", async (t) => {
  const { answers, add, check, letPass, told } = await openCheckedCredentials(t);
  await add("one");
  await check("one");
  await letPass(61);
  await check("one");
  answers.set(keyOf("one"), json(200, {}));

  await check("one", { force: true });

  assert.deepEqual(await told(), ["dead credential one", "live again credential one"]);
});

test("busy, broken, silent and unreadable services prove nothing, and what was known stays", async (t) => {
  const { answers, add, check, read, app, server } = await openCheckedCredentials(t);
  const { id } = await add("one");
  answers.set(keyOf("one"), json(200, { account: "team-a" }));
  await check("one");
  const { lastValidatedAt } = await read("one");
  const silences: [string, Answer | undefined][] = [
    ["rate_limited", { status: 429, headers: { "retry-after": "30" }, body: "" }],
    ["provider_down", json(500, { error: { code: "invalid_api_key" } })],
    ["provider_down", json(503, {})],
    ["unknown", html],
    ["unknown", { status: 302, headers: { location: "https://elsewhere.example" }, body: "" }],
  ];

  for (const [verdict, answer] of silences) {
    answers.set(keyOf("one"), answer);
    const checked = await check("one", { force: true });
    assert.equal(checked.state === "checked" ? checked.answer.verdict : checked.why, verdict);
  }
  const port = server.port;
  const outside = { acme: { url: `http://127.0.0.1:${port === 1 ? 2 : 1}`, allow_private: true } };
  // The origin is part of the seal: another one quarantines, and is no word about the key.
  app.config.outside = outside;
  const moved = await check("one", { force: true });

  assert.equal(moved.state, "skipped");
  const after = await read("one");
  assert.deepEqual(
    [after.validationStatus, after.lastValidatedAt, after.identity, after.deadVerdict, after.attemptVerdict],
    ["valid", lastValidatedAt, "team-a", null, "unknown"],
  );
  assert.equal((await listChecks(app.db, id, 100)).length, 1 + silences.length);
});

test("a service that is not there is not reachable, and is tried again after a minute", async (t) => {
  const { add, check, read, letPass } = await openCheckedCredentials(t, {
    // Nobody listens there.
    outside: { acme: { url: "http://127.0.0.1:1", allow_private: true } },
  });
  await add("one");

  await check("one");
  const again = await check("one");
  await letPass(61);
  const later = await check("one");

  const { validationStatus, attemptVerdict, attemptDetail } = await read("one");
  assert.deepEqual([validationStatus, attemptVerdict], ["unknown", "provider_down"]);
  assert.match(String(attemptDetail), /cannot be reached/);
  assert.match(again.state === "skipped" ? again.why : "", /it was asked for \d+ s ago/);
  assert.equal(later.state, "checked");
});

test("within the provider's interval only who insists is answered", async (t) => {
  const { answers, add, check, letPass, server } = await openCheckedCredentials(t);
  await add("one");
  answers.set(keyOf("one"), json(200, {}));
  await check("one");

  const soon = await check("one");
  await check("one", { force: true });
  await letPass(3601);
  const later = await check("one");

  assert.equal(soon.state, "skipped");
  assert.equal(later.state, "checked");
  assert.equal(server.asked.length, 3);
});

test("a value that was sealed for another host is quarantined, not sent, and told of once", async (t) => {
  const { app, add, check, server, told } = await openCheckedCredentials(t);
  await add("one");
  app.config.outside = { acme: { url: `http://localhost:${server.port}`, allow_private: true } };

  const checked = await check("one");
  const again = await check("one", { force: true });

  assert.match(checked.state === "skipped" ? checked.why : "", /quarantined/);
  assert.match(again.state === "skipped" ? again.why : "", /^it is quarantined: its value was sealed for/);
  assert.equal(server.asked.length, 0);
  assert.deepEqual(await told(), ["quarantined credential one"]);
});

test("of two checks at once one asks", async (t) => {
  const { answers, add, check, server } = await openCheckedCredentials(t);
  await add("one");
  answers.set(keyOf("one"), undefined);
  const asked = check("one");
  while (server.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));

  const second = await check("one", { force: true });
  server.answer(json(200, {}));

  assert.match(second.state === "skipped" ? second.why : "", /somebody else checks/);
  assert.equal((await asked).state, "checked");
  assert.equal(server.asked.length, 1);
});

test("the claim of a killed check lapses, and what comes late is not kept", async (t) => {
  const scene = await openCheckedCredentials(t);
  const { app, answers, add, check, read, letPass } = scene;
  const credential = await add("one");
  assert.equal((await claimChecks(app.db, [credential], 60_000)).length, 1);
  answers.set(keyOf("one"), json(200, {}));

  const meanwhile = await check("one", { force: true });
  await letPass(61);
  const after = await check("one", { force: true });

  assert.match(meanwhile.state === "skipped" ? meanwhile.why : "", /somebody else checks/);
  assert.equal(after.state, "checked");
  assert.equal((await read("one")).validationStatus, "valid");
});

test("a check whose claim was taken over keeps nothing and gives no claim back", async (t) => {
  const { app, server, answers, add, check, read } = await openCheckedCredentials(t);
  const { id } = await add("one");
  answers.set(keyOf("one"), undefined);
  const asked = check("one");
  while (server.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));

  await run(app.db, sql`update aegis_credentials set check_claimed_at = '2001-01-01' where id = ${id}`);
  server.answer(json(401, {}));
  const late = await asked;

  assert.match(late.state === "skipped" ? late.why : "", /another check took over/);
  const { attemptedAt, deadVerdict } = await read("one");
  assert.deepEqual([attemptedAt, deadVerdict, await listChecks(app.db, id, 1)], [null, null, []]);
  assert.equal(await run(app.db, sql`update aegis_credentials set note = '' where check_claimed_at = '2001-01-01'`), 1);
});

test("a value that changed while the old one was asked for is not judged by it", async (t) => {
  const { app, server, answers, add, check, read } = await openCheckedCredentials(t);
  const { id } = await add("one");
  answers.set(keyOf("one"), undefined);
  const asked = check("one");
  while (server.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));

  await replaceValue(app, "one", { api_key: new Secret("acme-another-key") }, by);
  server.answer(json(401, {}));
  const late = await asked;

  assert.match(late.state === "skipped" ? late.why : "", /its value changed/);
  const { attemptedAt, deadVerdict, version } = await read("one");
  assert.deepEqual([attemptedAt, deadVerdict, version], [null, null, 2]);
  assert.deepEqual(await listChecks(app.db, id, 1), []);
  answers.set("acme-another-key", json(200, {}));
  assert.equal((await check("one")).state, "checked", "its claim is free again");
});

test("a credential that is removed while it is asked for is nobody's any more", async (t) => {
  const { app, server, answers, add, check } = await openCheckedCredentials(t);
  await add("one");
  answers.set(keyOf("one"), undefined);
  const asked = check("one");
  while (server.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));

  await removeCredential(app, "one", by);
  server.answer(json(200, {}));

  assert.equal((await asked).state, "skipped");
});

test("another account and other rights behind a key are told of once, also when they come with a new value", async (t) => {
  const { app, answers, add, check, told, notices } = await openCheckedCredentials(t);
  await add("one");
  const answer = (account: string, ...scopes: string[]) => json(200, { account, scopes });
  answers.set(keyOf("one"), answer("team-a", "read"));
  await check("one");
  answers.set(keyOf("one"), answer("team-b", "read", "admin"));
  await check("one", { force: true });
  await check("one", { force: true });
  answers.set("acme-another-key", answer("team-c", "admin", "read"));

  await replaceValue(app, "one", { api_key: new Secret("acme-another-key") }, by);
  await check("one");

  const target = "credential one";
  assert.deepEqual(await told(), [`other account ${target}`, `other scopes ${target}`, `other account ${target}`]);
  assert.deepEqual(
    (await notices()).map(({ notice }) => notice?.severity),
    ["high", "normal", "high"],
  );
});

test("a field that the request cannot carry, and a provider that is gone, are unknown and said", async (t) => {
  const { app, add, check, read } = await openCheckedCredentials(t);
  await add("one");
  const [definition] = app.config.providers;
  assert.ok(definition);
  const step = definition.check.kind === "http" ? definition.check.steps[0] : undefined;
  assert.ok(step);
  app.config.providers = [{ ...definition, check: { kind: "http", steps: [{ ...step, path: "/{tenant}/me" }] } }];

  const missing = await check("one", { force: true });
  app.config.providers = [];
  const gone = await check("one", { force: true });

  for (const checked of [missing, gone]) {
    assert.equal(checked.state === "checked" ? checked.answer.verdict : checked.why, "unknown");
  }
  assert.match(String((await read("one")).attemptDetail), /there is no provider acme/);
});

test("no value is in what a check leaves, though the service repeats it", async (t) => {
  const { app, answers, add, check, read, notices } = await openCheckedCredentials(t);
  const { id } = await add("one");
  answers.set(keyOf("one"), json(200, { account: `user of ${keyOf("one")}`, scopes: [keyOf("one"), "read"] }));
  await check("one");
  answers.set(keyOf("one"), json(401, { error: { code: keyOf("one") } }));
  await check("one", { force: true });

  const left = JSON.stringify([await read("one"), await listChecks(app.db, id, 10), await notices()]);

  assert.ok(!left.includes(keyOf("one")));
  assert.ok(!left.includes(createHash("sha256").update(keyOf("one")).digest("hex")));
});
