import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { unsealKeyLabel } from "#secrets/key-ring.ts";
import { type KeySource, parseKeySource } from "#secrets/key-source.ts";
import { ensureUnsealKey, nextKeyPath, previousKeyPath, readUnsealKey, unsealKeyPath } from "#secrets/unseal-key.ts";
import { listRootSeals, withKeyLock } from "#store/key-queries.ts";
import { openKeys } from "#store/keys.ts";
import { testApp } from "#test/app.ts";

import { labelOf } from "./keys.ts";
import { describeMove, dropPreviousKey, dropStagedKey, rotateUnsealKey } from "./unseal-rotation.ts";

const by = "cli:test";

function ownFile(app: Pick<App, "stateDir">): KeySource & { kind: "file" } {
  return { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true };
}

async function labelAt(path: string): Promise<string | undefined> {
  const key = await readUnsealKey(path);
  return key === undefined ? undefined : unsealKeyLabel(key);
}

/** The states of the unseal keys, with their labels. */
async function listStates(app: Pick<App, "db">): Promise<Record<string, string>> {
  return Object.fromEntries((await listRootSeals(app.db)).map((seal) => [seal.state, labelOf(seal)]));
}

async function keyFiles(app: Pick<App, "stateDir">): Promise<string[]> {
  return (await readdir(app.stateDir)).filter((name) => name.includes("unseal")).toSorted();
}

const isConflict = (message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === "conflict" && message.test(error.message);

test("after a rotation the new key file opens the store, and so does the old one until it is dropped", async (t) => {
  const app = await testApp(t);
  const source = ownFile(app);
  const before = await labelAt(source.path);

  const rotation = await rotateUnsealKey(app, source, { by });

  assert.ok(rotation.state === "rotated");
  assert.notEqual(rotation.label, before);
  assert.equal(rotation.previous, before);
  assert.equal(await labelAt(source.path), rotation.label);
  assert.equal(await labelAt(previousKeyPath(source.path)), before);
  assert.deepEqual(await keyFiles(app), ["unseal.key", "unseal.key.previous"]);
  assert.deepEqual(await listStates(app), { active: rotation.label, previous: before });
  for (const path of [source.path, previousKeyPath(source.path)]) {
    const { ring } = await openKeys(app.db, { kind: "file", path, isOwn: false });
    assert.ok(ring.key("audit").key.equals(app.keys.key("audit").key));
  }
});

test("the previous key ends when it is dropped, with its file, and a second call says that there is none", async (t) => {
  const app = await testApp(t);
  const source = ownFile(app);
  const oldKey = await readFile(source.path);
  const { label } = await rotateUnsealKey(app, source, { by });

  const first = await dropPreviousKey(app, source, by);
  const second = await dropPreviousKey(app, source, by);

  assert.equal(first.removedFile, previousKeyPath(source.path));
  assert.deepEqual([second.label, second.removedFile], [undefined, undefined]);
  assert.deepEqual(await listStates(app), { active: label });
  assert.deepEqual(await keyFiles(app), ["unseal.key"]);
  const elsewhere = join(app.stateDir, "elsewhere");
  await writeFile(elsewhere, oldKey, { mode: 0o400 });
  await assert.rejects(
    openKeys(app.db, { kind: "file", path: elsewhere, isOwn: false }),
    (error) => error instanceof AppError && error.exitCode === 78,
  );
});

test("a second rotation waits until the previous key is dropped: nothing ends by itself", async (t) => {
  const app = await testApp(t);
  const source = ownFile(app);
  await rotateUnsealKey(app, source, { by });
  const states = await listStates(app);

  await assert.rejects(rotateUnsealKey(app, source, { by }), isConflict(/the previous unseal key \w{8} still opens/));

  assert.deepEqual(await listStates(app), states);
  assert.deepEqual(await keyFiles(app), ["unseal.key", "unseal.key.previous"]);
  await dropPreviousKey(app, source, by);
  assert.equal((await rotateUnsealKey(app, source, { by })).state, "rotated");
});

test("a host that still has the old key can neither rotate nor drop it", async (t) => {
  const app = await testApp(t);
  const source = ownFile(app);
  await rotateUnsealKey(app, source, { by });
  const otherHost: KeySource = { kind: "file", path: previousKeyPath(source.path), isOwn: false };

  await assert.rejects(rotateUnsealKey(app, otherHost, { by }), isConflict(/holds the previous unseal key/));
  await assert.rejects(dropPreviousKey(app, otherHost, by), isConflict(/holds the previous unseal key/));

  assert.equal(Object.keys(await listStates(app)).length, 2);
});

test("a rotation whose next key is elsewhere is finished there or given up by name of the option", async (t) => {
  const app = await testApp(t);
  const source = ownFile(app);
  const states = await listStates(app);
  await leaveStaged(app);
  await rename(nextKeyPath(source.path), join(app.stateDir, "other-host"));

  await assert.rejects(rotateUnsealKey(app, source, { by }), isConflict(/was begun, and that key is not at/));
  await rename(join(app.stateDir, "other-host"), nextKeyPath(source.path));
  const dropped = await dropStagedKey(app, source, by);

  assert.equal(dropped.removedFile, nextKeyPath(source.path));
  assert.deepEqual(await listStates(app), states);
  assert.deepEqual(await keyFiles(app), ["unseal.key"]);
  assert.equal((await dropStagedKey(app, source, by)).label, undefined);
});

test("for a variable the new key is written to a file, and the rotation ends once the variable holds it", async (t) => {
  const app = await testApp(t);
  const to = join(app.stateDir, "new.key");
  const sourceOf = async (path: string): Promise<KeySource> => {
    const value = (await readFile(path)).toString("base64");
    return parseKeySource("env:KEY", app.stateDir, (name) => (name === "KEY" ? value : undefined));
  };
  const [before, old] = [await labelAt(ownFile(app).path), await sourceOf(ownFile(app).path)];

  await assert.rejects(rotateUnsealKey(app, old, { by }), /cannot be written by this program/);
  const staged = await rotateUnsealKey(app, old, { to, by });
  const again = await rotateUnsealKey(app, old, { to, by });

  assert.ok(staged.state === "staged");
  assert.deepEqual(again, staged);
  assert.deepEqual(await listStates(app), { active: before, staged: staged.label });
  assert.match(describeMove(old, to).join("\n"), /set KEY to/);
  const moved = await sourceOf(to);
  await assert.rejects(dropStagedKey(app, moved, by), isConflict(/holds the staged unseal key/));
  assert.deepEqual(await rotateUnsealKey(app, moved, { by }), {
    state: "rotated",
    label: staged.label,
    previous: before,
  });
});

test("a file that holds a key of this store already, or no key, is not taken for the new one", async (t) => {
  const app = await testApp(t);
  const own = ownFile(app);
  const value = (await readFile(own.path)).toString("hex");
  const source = parseKeySource("env:KEY", app.stateDir, () => value);
  const noKey = join(app.stateDir, "no.key");
  await writeFile(noKey, "not a key", { mode: 0o400 });

  await assert.rejects(rotateUnsealKey(app, source, { to: own.path, by }), isConflict(/knows already/));
  await assert.rejects(rotateUnsealKey(app, source, { to: noKey, by }), /does not hold 32 bytes/);
  await assert.rejects(rotateUnsealKey(app, own, { to: noKey, by }), /--to is for sources that are no plain file/);

  assert.deepEqual(Object.keys(await listStates(app)), ["active"]);
});

test("a wrong or missing key rotates nothing", async (t) => {
  const app = await testApp(t);
  const source = ownFile(app);
  const states = await listStates(app);
  const right = await readFile(source.path);
  const isSealed = (error: unknown) => error instanceof AppError && error.exitCode === 78;

  await rm(source.path);
  await assert.rejects(rotateUnsealKey(app, source, { by }), isSealed);
  await writeFile(source.path, randomBytes(32), { mode: 0o400 });
  await assert.rejects(rotateUnsealKey(app, source, { by }), isSealed);
  await assert.rejects(dropPreviousKey(app, source, by), isSealed);

  assert.deepEqual(await listStates(app), states);
  await rm(source.path);
  await writeFile(source.path, right, { mode: 0o400 });
  assert.equal((await rotateUnsealKey(app, source, { by })).state, "rotated");
});

test("two at once: one changes the keys, the other is told", async (t) => {
  const app = await testApp(t);

  await withKeyLock(app.db, async () => {
    await assert.rejects(
      rotateUnsealKey(app, ownFile(app), { by }),
      isConflict(/another process is changing the keys/),
    );
  });

  assert.equal((await rotateUnsealKey(app, ownFile(app), { by })).state, "rotated");
});

/** A rotation that was killed before it put the next key in place. */
async function leaveStaged(app: App): Promise<void> {
  const { stageUnsealKey } = await import("./staging.ts");
  const path = nextKeyPath(ownFile(app).path);
  await ensureUnsealKey(path);
  await stageUnsealKey(app.db, await openKeys(app.db, ownFile(app)), { path, by, dropOthers: false });
}
