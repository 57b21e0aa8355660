import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { allProviders } from "#providers/all.ts";
import { run } from "#store/database.ts";
import { testApp } from "#test/app.ts";
import { acme, json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { checkRegistry } from "./checks.ts";
import { listProviders } from "./registry.ts";

const openai = allProviders.find(({ name }) => name === "openai");

test("a definition of the configuration in the place of a built-in one is loose, and so is outside: for nobody", async (t) => {
  const url = "https://proxy.example:443";
  const app = await testApp(t, {
    providers: [openai, { ...acme, name: "own" }],
    outside: { openia: { url }, openai: { url }, own: { url }, slack: { url } },
  });

  const checks = await checkRegistry(app);
  const known = await listProviders(app);

  assert.deepEqual(
    checks.map(({ subject, state, detail }) => [subject, state, detail]),
    [
      ["provider openai", "loose", "the definition in leveredge.yaml replaces the built-in one"],
      ["outside openia", "loose", "no provider and no channel has that name: nothing goes there; nearest: openai"],
    ],
  );
  assert.ok(checks.every(({ remedy }) => remedy !== undefined));
  assert.deepEqual(
    known.flatMap(({ provider, source, replaces }) => (source === "configuration" ? [[provider.name, replaces]] : [])),
    [
      ["openai", "built-in"],
      ["own", undefined],
    ],
  );
  assert.deepEqual(await checkRegistry(await testApp(t)), []);
});

test("a stored definition that is refused by now breaks no list: it is loose, and nothing is sent by it", async (t) => {
  const { app, add, read, check, server, answers } = await openCheckedCredentials(t);
  await add("a");
  answers.set(keyOf("a"), json(200, {}));
  app.config.providers = [];
  await run(
    app.db,
    sql`
    update aegis_providers
    set source = 'api', definition = jsonb_set(definition, '{check,steps,0,path}', '"me"')
    where provider_name = 'acme'`,
  );

  const checks = await checkRegistry(app);
  await check("a");

  assert.deepEqual(
    checks.map(({ subject, state }) => [subject, state]),
    [["provider acme", "loose"]],
  );
  assert.match(String(checks[0]?.detail), /^its definition is refused: check\.steps\.0\.path: expected a path/);
  assert.match(String((await read("a")).attemptDetail), /^its provider's definition is refused: check\.steps\.0\.path/);
  assert.equal(server.asked.length, 0);
});
