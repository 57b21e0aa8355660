import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { run, transaction } from "#store/database.ts";
import { json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { claimChecks, keepChecks, listCheckable, listChecks } from "./check-queries.ts";

const lapseMs = 60_000;

test("of several that are claimed together those that others hold, changed or asked for are left out", async (t) => {
  const { app, add } = await openCheckedCredentials(t);
  for (const name of ["asked", "changed", "free", "held", "locked"]) await add(name);
  const due = await listCheckable(app.db);
  await run(app.db, sql`update aegis_credentials set version = 2 where credential_name = 'changed'`);
  await run(app.db, sql`update aegis_credentials set attempted_at = now() where credential_name = 'asked'`);
  await claimChecks(
    app.db,
    due.filter(({ credentialName }) => credentialName === "held"),
    lapseMs,
  );

  const claimed = await transaction(app.db, async (tx) => {
    await run(tx, sql`update aegis_credentials set note = 'being changed' where credential_name = 'locked'`);
    return claimChecks(app.db, due, lapseMs);
  });
  const again = await claimChecks(app.db, due, lapseMs);

  const nameOf = new Map(due.map(({ id, credentialName }) => [id, credentialName]));
  assert.deepEqual(
    [claimed, again].map((claims) => claims.map(({ id }) => nameOf.get(id))),
    [["free"], ["locked"]],
  );
});

test("of several that are kept together one whose claim was lost is left out, with its history", async (t) => {
  const { app, add, check, answers, read } = await openCheckedCredentials(t);
  for (const name of ["kept", "lost"]) {
    await add(name);
    answers.set(keyOf(name), json(200, { account: name, scopes: ['"c"', "a,b", "{d}"] }));
  }
  await check("kept");
  const standing = await read("kept");
  const claims = await claimChecks(app.db, await listCheckable(app.db), lapseMs);
  const { id: lostId } = await read("lost");
  await run(app.db, sql`update aegis_credentials set check_claimed_at = '2001-01-01' where id = ${lostId}`);
  const check2 = { version: 1, verdict: "valid", detail: "again", status: "200", latencyMs: 1 } as const;
  const rows = claims.map(({ id, claimedAt }) => ({
    ...{ credentialId: id, claimedAt },
    check: { ...check2, identity: "kept", scopes: standing.scopes, expiresAt: null, requestedBy: "test" },
    standing: { ...standing, discoveredExpiresAt: null },
  }));

  const kept = await keepChecks(app.db, rows);

  assert.deepEqual(kept, [standing.id]);
  assert.deepEqual((await read("kept")).scopes, ['"c"', "a,b", "{d}"]);
  assert.deepEqual(
    (await listChecks(app.db, standing.id, 5)).map(({ detail }) => detail),
    ["again", "answered 200"],
  );
  assert.deepEqual(await listChecks(app.db, lostId, 5), []);
});

test("what turned with one of the checks that are kept together is told once, and of that one alone", async (t) => {
  const { add, answers, sweep, letPass, told } = await openCheckedCredentials(t);
  const names = Array.from({ length: 12 }, (_, place) => `key-${place}`);
  for (const name of names) {
    await add(name);
    answers.set(keyOf(name), json(200, {}));
  }
  answers.set(keyOf("key-7"), json(401, {}));

  await sweep();
  await letPass(4000);
  await sweep();

  assert.deepEqual(await told(), ["dead credential key-7"]);
});
