import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { createPurposeKey } from "#secrets/key-record.ts";
import { Secret } from "#secrets/secret.ts";
import { unsealKeyPath } from "#secrets/unseal-key.ts";
import { run } from "#store/database.ts";
import { insertKey } from "#store/key-queries.ts";
import { openKeyRing, openKeys } from "#store/keys.ts";
import { testApp } from "#test/app.ts";

import { addCredential, replaceValue } from "./credentials.ts";
import { countVersionsUnderOtherKeys } from "./queries.ts";
import { rewrapCredentials } from "./rewrap.ts";
import { NewCredential } from "./schema.ts";
import { revealField } from "./vault.ts";

const by = { name: "test" };
const count = 24;

function work(batch = 5, signal = new AbortController().signal) {
  return { signal, progress: () => undefined, batch };
}

async function addMany(app: App): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `c${index}`);
  for (const name of names) {
    const fields = { api_key: `sk-test-${name}-000000000000` };
    await addCredential(app, NewCredential.parse({ name, provider: "openai", fields }), by);
  }
  return names;
}

/** Another process makes the next key of prod. */
async function rotateKey(app: App, version: number): Promise<void> {
  const opened = await openKeys(app.db, { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true });
  const record = createPurposeKey(app.keys.instanceId, opened.root, "credentials-prod", version);
  assert.ok(await insertKey(app.db, record));
}

test("every version is rewrapped once, by several at a time, and programs with an older ring read on", async (t) => {
  const app = await testApp(t);
  const names = await addMany(app);
  const old = { ...app, keys: await openKeyRing(app.db, app.stateDir) };
  await rotateKey(app, 2);
  const read = async (): Promise<void> => {
    for (const name of names) {
      assert.equal((await revealField(old, name, "api_key", by)).reveal(), `sk-test-${name}-000000000000`);
    }
  };

  const workers = [1, 2, 3].map(async () => {
    const own = { ...app, keys: await openKeyRing(app.db, app.stateDir) };
    return rewrapCredentials(own, "prod", work());
  });
  const [one, two, three] = await Promise.all([...workers, read(), read()]);

  assert.equal(
    [one, two, three].reduce((sum, done) => sum + (done?.rewrapped ?? 0), 0),
    count,
  );
  assert.equal(await countVersionsUnderOtherKeys(app.db, "prod", 2), 0);
  assert.deepEqual(await rewrapCredentials(app, "prod", work()), { rewrapped: 0, unopened: [] });
  await read();
  const { credential } = await replaceValue(old, "c0", { api_key: new Secret("sk-test-new-000000000000") }, by);
  assert.equal(credential.version, 2);
  assert.equal(
    await countVersionsUnderOtherKeys(app.db, "prod", 2),
    0,
    "a ring that has read on seals with the newest",
  );
});

test("one that is stopped is carried on by the next, and one that does not open holds nobody up", async (t) => {
  const app = await testApp(t);
  await addMany(app);
  await rotateKey(app, 2);
  await run(app.db, sql`update aegis_credential_version set wrapped = substr(wrapped, 1, 50) where credential_id = 3`);
  const stop = new AbortController();
  const progress = (_text: string, done = 0): void => {
    if (done >= 10) stop.abort();
  };

  await assert.rejects(rewrapCredentials(app, "prod", { signal: stop.signal, progress, batch: 5 }), {
    name: "AbortError",
  });
  const left = await countVersionsUnderOtherKeys(app.db, "prod", 2);
  assert.ok(left < count && left > 1, String(left));
  const done = await rewrapCredentials(app, "prod", work());

  assert.equal(done.rewrapped, left - 1);
  assert.match(done.unopened.join(), /^[0-9a-f-]{36} 1$/);
  assert.equal(await countVersionsUnderOtherKeys(app.db, "prod", 2), 1);
});
