import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import type { KeySource } from "#secrets/key-source.ts";
import { unsealKeyPath } from "#secrets/unseal-key.ts";
import { listKeys } from "#store/key-queries.ts";
import { openKeyRing } from "#store/keys.ts";
import { testApp } from "#test/app.ts";

import { type RewrapCredentials, rotateEnvironmentKey } from "./environment-rotation.ts";

/** Data keys by the version of the key that they lie under, and what seals them anew. */
function dataKeys(count: number): { versions: number[]; rewrap: RewrapCredentials } {
  const versions = Array.from({ length: count }, () => 1);
  const rewrap: RewrapCredentials = (app, environment, { signal, progress }) => {
    const { version } = app.keys.key(`credentials-${environment}`);
    let done = 0;
    for (const [index, under] of versions.entries()) {
      if (under === version) continue;
      if (signal.aborted) return Promise.reject(new AppError("unavailable", "stopped"));
      versions[index] = version;
      done += 1;
      progress("sealed anew", done, count);
    }
    return Promise.resolve({ rewrapped: done, unopened: [] });
  };
  return { versions, rewrap };
}

function sourceOf(app: App): KeySource {
  return { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true };
}

function rotate(app: App, rewrap: RewrapCredentials, signal = app.signal) {
  const request = { environment: "prod" as const, by: "cli:test", rewrap, signal, progress: () => undefined };
  return rotateEnvironmentKey(app, sourceOf(app), request);
}

test("a rotation makes the next version of one environment's key and seals its data keys under it", async (t) => {
  const app = await testApp(t);
  const { versions, rewrap } = dataKeys(3);

  const rotation = await rotate(app, rewrap);

  assert.deepEqual(rotation, { environment: "prod", version: 2, rewrapped: 3, unopened: [], resumed: false });
  assert.deepEqual(versions, [2, 2, 2]);
  assert.equal(app.keys.key("credentials-prod").version, 2);
  assert.equal(app.keys.find("credentials-prod", 1)?.version, 1);
  assert.equal(app.keys.key("credentials-dev").version, 1);
  assert.equal((await openKeyRing(app.db, app.stateDir)).key("credentials-prod").version, 2);
});

test("a ring that was opened before learns of the new key when it is reloaded", async (t) => {
  const app = await testApp(t);
  const server = await openKeyRing(app.db, app.stateDir);
  await rotate(app, dataKeys(0).rewrap);

  assert.equal(server.find("credentials-prod", 2), undefined);
  await server.reload();

  assert.ok(server.key("credentials-prod").key.equals(app.keys.key("credentials-prod").key));
});

test("a rotation that was stopped after it made the key is finished by the next call, which makes none", async (t) => {
  const app = await testApp(t);
  const { versions, rewrap } = dataKeys(4);
  const stopping = new AbortController();
  const stopAfterTwo: RewrapCredentials = (one, environment, options) =>
    rewrap(one, environment, { ...options, progress: (_text, done) => (done === 2 ? stopping.abort() : undefined) });
  await assert.rejects(rotate(app, stopAfterTwo, stopping.signal), /stopped/);
  assert.deepEqual(versions, [2, 2, 1, 1]);

  const rotation = await rotate(app, rewrap);

  assert.deepEqual(rotation, { environment: "prod", version: 2, rewrapped: 2, unopened: [], resumed: true });
  assert.deepEqual(versions, [2, 2, 2, 2]);
  assert.equal((await listKeys(app.db)).filter(({ purpose }) => purpose === "credentials-prod").length, 2);
});

test("without the unseal key no key is made", async (t) => {
  const app = await testApp(t);
  await rm(unsealKeyPath(app.stateDir));
  const before = await listKeys(app.db);

  await assert.rejects(rotate(app, dataKeys(1).rewrap), (error) => error instanceof AppError && error.exitCode === 78);

  assert.deepEqual(await listKeys(app.db), before);
});
