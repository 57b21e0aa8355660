import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { Decrypter, armor, generateIdentity, identityToRecipient } from "age-encryption";

import type { App } from "#app.ts";
import { AppError, type ErrorCode } from "#errors.ts";
import { type KeySource, parseKeySource } from "#secrets/key-source.ts";
import { ensureUnsealKey, installNextKey, nextKeyPath, unsealKeyPath } from "#secrets/unseal-key.ts";
import { listRootSeals } from "#store/key-queries.ts";
import { openKeyRing, openKeys, tryKeys } from "#store/keys.ts";
import { testApp } from "#test/app.ts";

import { checkKeys } from "./checks.ts";
import { labelOf, readRecovery } from "./keys.ts";
import { acceptNoRecovery, addRecipient, askForProof, recoverUnsealKey } from "./recovery.ts";
import { stageUnsealKey } from "./staging.ts";
import { rotateUnsealKey } from "./unseal-rotation.ts";

const by = "cli:test";

type Holder = { identity: string; recipient: string; identityPath: string };

function sourceOf(app: Pick<App, "stateDir">): KeySource & { kind: "file" } {
  return { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true };
}

async function makeHolder(app: App, name = "identity"): Promise<Holder> {
  const identity = await generateIdentity();
  const identityPath = join(app.stateDir, name);
  await writeFile(identityPath, `${identity}\n`, { mode: 0o400 });
  return { identity, recipient: await identityToRecipient(identity), identityPath };
}

async function prove(app: App, { identity, recipient }: Holder): Promise<void> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const challenge = await askForProof(app, sourceOf(app), recipient);
  const answer = await decrypter.decrypt(armor.decode(challenge), "text");
  await addRecipient(app, sourceOf(app), { recipient, answer, by });
}

/** A store with a proven recipient whose unseal key is gone. */
async function lostStore(t: TestContext): Promise<{ app: App; holder: Holder }> {
  const app = await testApp(t);
  const holder = await makeHolder(app);
  await prove(app, holder);
  await rm(unsealKeyPath(app.stateDir));
  return { app, holder };
}

const isError = (code: ErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

async function listStates(app: App): Promise<Record<string, string>> {
  return Object.fromEntries((await listRootSeals(app.db)).map((seal) => [seal.state, labelOf(seal)]));
}

test("recovery is a loose end until it is proven", async (t) => {
  const app = await testApp(t);
  const holder = await makeHolder(app);
  const find = async () => (await checkKeys(app)).find(({ subject }) => subject === "key recovery");

  const before = await find();
  await askForProof(app, sourceOf(app), holder.recipient);
  assert.deepEqual(await readRecovery(app.db), { state: "missing" });
  await prove(app, holder);

  assert.equal(before?.state, "loose");
  assert.match(before.detail, /recovery is not proven/);
  assert.match(before.remedy ?? "", /^leveredge keys recover --add/);
  assert.equal((await find())?.state, "ok");
});

test("a wrong answer proves nothing", async (t) => {
  const app = await testApp(t);
  const { recipient } = await makeHolder(app);

  for (const answer of ["", "a guess", recipient]) {
    await assert.rejects(
      addRecipient(app, sourceOf(app), { recipient, answer, by }),
      isError("invalid_input", /nothing was recorded/),
    );
  }

  assert.deepEqual(await readRecovery(app.db), { state: "missing" });
});

test("what is recorded of a recipient is sealed to it, and proving it again is one row", async (t) => {
  const app = await testApp(t);
  const [first, second] = [await makeHolder(app), await makeHolder(app, "second")];

  await prove(app, first);
  await prove(app, second);
  await prove(app, first);

  const recovery = await readRecovery(app.db);
  assert.ok(recovery.state === "proven");
  assert.deepEqual(
    recovery.recipients.map(({ recipient }) => recipient).toSorted(),
    [first.recipient, second.recipient].toSorted(),
  );
});

test("going without recovery takes a sentence, and is refused where recovery is proven", async (t) => {
  const app = await testApp(t);
  for (const words of ["", "yes", "I accept", "I accept that it"]) {
    await assert.rejects(acceptNoRecovery(app, { words, by }), isError("invalid_input", /I accept that/), words);
  }

  await acceptNoRecovery(app, { words: " I accept that a lost key loses every credential ", by });

  const recovery = await readRecovery(app.db);
  assert.ok(recovery.state === "accepted");
  assert.equal(recovery.waiver.words, "I accept that a lost key loses every credential");
  assert.equal((await checkKeys(app)).find(({ subject }) => subject === "key recovery")?.state, "ok");
  await prove(app, await makeHolder(app));
  await assert.rejects(
    acceptNoRecovery(app, { words: "I accept that nothing comes back", by }),
    isError("conflict", /is proven already/),
  );
});

test("with the identity a store whose unseal key is lost gets a new one and opens as before", async (t) => {
  const { app, holder } = await lostStore(t);
  const [lost] = Object.values(await listStates(app));
  await assert.rejects(openKeyRing(app.db, app.stateDir), isError("sealed", /there is no/));

  const rotation = await recoverUnsealKey(app.db, sourceOf(app), { ...holder, dropOthers: false, by });

  assert.ok(rotation.state === "rotated");
  assert.deepEqual(await listStates(app), { active: rotation.label, previous: lost });
  const ring = await openKeyRing(app.db, app.stateDir);
  assert.ok(ring.key("credentials-prod").key.equals(app.keys.key("credentials-prod").key));
});

test("a recovery killed after any of its steps is ended by the next call", async (t) => {
  const steps = ["made", "staged", "installed"] as const;
  for (const last of steps) {
    const { app, holder } = await lostStore(t);
    const path = nextKeyPath(unsealKeyPath(app.stateDir));
    const opened = { ring: app.keys, ...(await rootOf(app)) };
    await ensureUnsealKey(path);
    if (last !== "made") await stageUnsealKey(app.db, opened, { path, by, dropOthers: false });
    if (last === "installed") await installNextKey(unsealKeyPath(app.stateDir));

    const rotation = await recoverUnsealKey(app.db, sourceOf(app), { ...holder, dropOthers: false, by });

    assert.equal(rotation.state, "rotated", last);
    assert.equal((await tryKeys(app.db, sourceOf(app))).seal.state, "active", last);
    assert.deepEqual((await readdir(app.stateDir)).toSorted(), ["identity", "unseal.key"]);
  }
});

test("a store that opens, and a key file that is there, are left alone", async (t) => {
  const app = await testApp(t);
  const holder = await makeHolder(app);
  await prove(app, holder);
  const path = unsealKeyPath(app.stateDir);
  const recover = () => recoverUnsealKey(app.db, sourceOf(app), { ...holder, dropOthers: true, by });
  const states = await listStates(app);

  await assert.rejects(recover(), isError("conflict", /which opens this store/));
  await rm(path);
  const other = randomBytes(32);
  await writeFile(path, other, { mode: 0o400 });
  await assert.rejects(recover(), isError("conflict", /does not open this store and may open another/));
  await rm(path);
  await writeFile(path, "damaged", { mode: 0o400 });
  await assert.rejects(recover(), isError("sealed", /does not hold 32 bytes/));

  assert.equal(await readFile(path, "utf8"), "damaged");
  assert.deepEqual(await listStates(app), states);
});

test("an identity that nothing was sealed to is told by recipient, and nothing is written", async (t) => {
  const { app, holder } = await lostStore(t);
  const [states, stranger] = [await listStates(app), await makeHolder(app, "stranger")];
  const empty = await testApp(t);
  await rm(unsealKeyPath(empty.stateDir));
  const recover = (one: App, identityPath: string) =>
    recoverUnsealKey(one.db, sourceOf(one), { identityPath, dropOthers: false, by });

  await assert.rejects(recover(app, stranger.identityPath), (error) => {
    assert.ok(isError("sealed", /the root key was sealed to age1/)(error));
    return String(error).includes(holder.recipient) && String(error).includes(stranger.recipient);
  });
  await assert.rejects(recover(app, join(app.stateDir, "none")), isError("sealed", /there is no age identity/));
  await assert.rejects(recover(empty, holder.identityPath), isError("sealed", /no recovery was ever proven/));

  assert.deepEqual(await listStates(app), states);
  assert.deepEqual((await readdir(app.stateDir)).toSorted(), ["identity", "stranger"]);
});

test("keys that stand in the way of a recovery are forgotten by name of the option alone", async (t) => {
  const app = await testApp(t);
  const holder = await makeHolder(app);
  await prove(app, holder);
  await rotateUnsealKey(app, sourceOf(app), { by });
  await rm(unsealKeyPath(app.stateDir));
  const { active: lost } = await listStates(app);
  const recover = (dropOthers: boolean) => recoverUnsealKey(app.db, sourceOf(app), { ...holder, dropOthers, by });

  await assert.rejects(recover(false), isError("conflict", /the previous unseal key \w{8} still opens the store/));
  const rotation = await recover(true);

  assert.ok(rotation.state === "rotated");
  assert.deepEqual(await listStates(app), { active: rotation.label, previous: lost });
});

test("for a source that is no plain file the recovered key is written where it is told to", async (t) => {
  const { app, holder } = await lostStore(t);
  const to = join(app.stateDir, "new.key");
  const source = parseKeySource("systemd:unseal", app.stateDir, () => undefined);

  await assert.rejects(
    recoverUnsealKey(app.db, source, { ...holder, dropOthers: false, by }),
    isError("invalid_input", /cannot be written by this program/),
  );
  const rotation = await recoverUnsealKey(app.db, source, { ...holder, to, dropOthers: false, by });

  assert.equal(rotation.state, "staged");
  const { seal } = await openKeys(app.db, { kind: "file", path: to, isOwn: false });
  assert.equal(labelOf(seal), rotation.label);
});

/** The root key of a store whose file is gone, as a process that was killed had it. */
async function rootOf(app: App) {
  const { openRecovery } = await import("#secrets/recovery.ts");
  const { listRecipients } = await import("./queries.ts");
  const { readIdentityFile } = await import("#secrets/age.ts");
  const { readKeyRecords } = await import("#store/keys.ts");
  const records = await readKeyRecords(app.db);
  const [recipient] = await listRecipients(app.db);
  const [identity] = await readIdentityFile(join(app.stateDir, "identity"));
  assert.ok(recipient !== undefined && identity !== undefined);
  return { records, root: await openRecovery(records, identity, recipient.sealed) };
}
