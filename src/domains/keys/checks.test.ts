import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import type { KeySource } from "#secrets/key-source.ts";
import { ensureUnsealKey, nextKeyPath, unsealKeyPath } from "#secrets/unseal-key.ts";
import { openKeys } from "#store/keys.ts";
import { testApp } from "#test/app.ts";

import { checkKeys } from "./checks.ts";
import { stageUnsealKey } from "./staging.ts";
import { dropPreviousKey, rotateUnsealKey } from "./unseal-rotation.ts";

const by = "cli:test";
const dayMs = 24 * 60 * 60 * 1000;

function sourceOf(app: App): KeySource & { kind: "file" } {
  return { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true };
}

async function checkUnsealKey(app: App, now = new Date()) {
  return (await checkKeys({ ...app, now: () => now })).find(({ subject }) => subject === "unseal key");
}

test("a rotation that was begun is loose until it is finished", async (t) => {
  const app = await testApp(t);
  const path = nextKeyPath(sourceOf(app).path);
  await ensureUnsealKey(path);
  const before = await checkUnsealKey(app);
  await stageUnsealKey(app.db, await openKeys(app.db, sourceOf(app)), { path, by, dropOthers: false });

  const staged = await checkUnsealKey(app);
  await rotateUnsealKey(app, sourceOf(app), { by });

  assert.equal(before?.state, "ok");
  assert.deepEqual([staged?.state, staged?.remedy], ["loose", "leveredge keys rotate --unseal"]);
  assert.match(staged?.detail ?? "", /a rotation to unseal key \w{8} was begun/);
  assert.equal((await checkUnsealKey(app))?.state, "ok");
});

test("a previous unseal key is loose once it has opened the store for a month", async (t) => {
  const app = await testApp(t);
  await rotateUnsealKey(app, sourceOf(app), { by });
  const later = new Date(Date.now() + 31 * dayMs);

  const [soon, late] = [await checkUnsealKey(app), await checkUnsealKey(app, later)];
  await dropPreviousKey(app, sourceOf(app), by);

  assert.equal(soon?.state, "ok");
  assert.deepEqual([late?.state, late?.remedy], ["loose", "leveredge keys rotate --unseal --drop-previous"]);
  assert.equal((await checkUnsealKey(app, later))?.state, "ok");
});
