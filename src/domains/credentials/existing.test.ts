import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import pg from "pg";

import type { App } from "#app.ts";
import { Secret } from "#secrets/secret.ts";
import { testApp } from "#test/app.ts";
import { freshDatabase } from "#test/database.ts";

import { removeCredential } from "./credentials.ts";
import { takeOverExisting as step } from "./existing.ts";
import { listCredentials } from "./queries.ts";

/** A platform whose prod database has what the SQL makes. */
async function platform(t: TestContext, sql: string): Promise<App> {
  const { url } = await freshDatabase(t);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.query(
    "alter role current_user in database " + new URL(url).pathname.slice(1) + " set timezone to 'Asia/Tokyo'",
  );
  await client.end();
  const app = await testApp(t, { environments: { prod: { database: "env:PROD" } } });
  return { ...app, openReference: () => Promise.resolve(new Secret(url)) };
}

const grown = `
  create table aegis_credentials (
    id serial primary key, credential_name text, provider varchar(50), encrypted_value bytea,
    expires_at timestamp, validation_status text default 'unknown', rotation_reminder_days integer default 90,
    environment text default 'prod');
  insert into aegis_credentials (credential_name, provider, encrypted_value, expires_at, environment) values
    ('openai-main', 'OpenAI', 'x', '2031-01-31 12:00', 'prod'), ('github', 'github', 'x', null, 'dev'),
    ('odd name', 'openai', 'x', null, 'prod'), ('legacy', 'corporate-thing', 'x', null, 'prod');`;

test("a platform's own table is taken over once, without values, and what was removed does not come back", async (t) => {
  const app = await platform(t, grown);

  const plan = await step.plan(app);
  assert.equal(plan.state, "ready");
  await step.apply(app);
  const verdict = await step.verify(app);
  const again = await step.plan(app);

  assert.deepEqual(plan.changes, [
    "take over github (github, dev) from prod, without its value",
    "take over openai-main (openai, prod) from prod, without its value",
    "prod: legacy stays: there is no provider corporate_thing",
    "prod: a credential whose name cannot stand in a reference stays",
  ]);
  assert.equal(verdict.verified, true, verdict.summary);
  assert.match(again.summary, /^0 credentials to take over/);
  const credentials = await listCredentials(app.db);
  assert.deepEqual(
    credentials.map(({ credentialName, version, environment, expiresAt, expirySource }) => [
      credentialName,
      version,
      environment,
      expiresAt,
      expirySource,
    ]),
    [
      ["github", 0, "dev", null, "unknown"],
      ["openai-main", 0, "prod", "2031-01-31T12:00:00.000Z", "declared"],
    ],
  );
  await removeCredential(app, "github", { name: "test" });
  await step.apply(app);
  assert.equal((await listCredentials(app.db)).length, 1);
});

test("a table of another shape blocks with the difference, and none at all is nothing to do", async (t) => {
  const cases = [
    ["create table aegis_credentials (id int, name text, provider text)", /has no column credential_name \(text\)/],
    ["create table aegis_credentials (credential_name text, provider int)", /has provider as integer, expected text/],
    [
      "create table aegis_credentials (credential_name text, provider text, expires_at text)",
      /has expires_at as text, expected timestamp/,
    ],
    ["create view aegis_credentials as select 'x' as credential_name", /is not a table/],
  ] as const;
  for (const [sql, expected] of cases) {
    const app = await platform(t, sql);
    const plan = await step.plan(app);
    assert.equal(plan.state, "blocked");
    assert.match(plan.needs.join("\n"), expected);
  }
  const none = await platform(t, "select 1");
  assert.match((await step.plan(none)).summary, /has no aegis_credentials of its own/);
});
