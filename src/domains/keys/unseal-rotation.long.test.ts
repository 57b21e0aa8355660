import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { unsealKeyLabel } from "#secrets/key-ring.ts";
import type { KeySource } from "#secrets/key-source.ts";
import { previousKeyPath, readUnsealKey, unsealKeyPath } from "#secrets/unseal-key.ts";
import { listRootSeals } from "#store/key-queries.ts";
import { openKeys } from "#store/keys.ts";
import { testOwnedApp } from "#test/app.ts";

import { labelOf } from "./keys.ts";
import { rotateUnsealKey } from "./unseal-rotation.ts";

const by = "cli:test";

async function labelAt(path: string): Promise<string | undefined> {
  const key = await readUnsealKey(path);
  return key === undefined ? undefined : unsealKeyLabel(key);
}

test("killed at any write, the store opens with whichever key file is there, and the next call ends the rotation", async (t) => {
  const ends: string[] = [];
  for (const mode of ["during", "after"]) {
    for (let killAt = 1; ; killAt += 1) {
      const { app, ownerUrl } = await testOwnedApp(t);
      const source: KeySource & { kind: "file" } = { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true };
      const before = await labelAt(source.path);
      const listStates = async (): Promise<Record<string, string>> =>
        Object.fromEntries((await listRootSeals(app.db)).map((seal) => [seal.state, labelOf(seal)]));
      const outcome = await rotateAndDie({ stateDir: app.stateDir, ownerUrl: ownerUrl.reveal(), mode, killAt });

      const { ring } = await openKeys(app.db, source);
      assert.ok(ring.key("audit").key.equals(app.keys.key("audit").key), `${mode} ${killAt}`);
      if (outcome === "finished") break;
      ends.push(`${mode} ${killAt}`);
      const isDone = (await labelAt(source.path)) !== before && (await listStates())["previous"] === before;
      if (!isDone) await rotateUnsealKey(app, source, { by });

      const states = await listStates();
      assert.deepEqual(states, { active: await labelAt(source.path), previous: before }, `${mode} ${killAt}`);
      assert.equal(await labelAt(previousKeyPath(source.path)), before);
      const files = (await readdir(app.stateDir)).filter((name) => name.includes("unseal"));
      assert.deepEqual(files.toSorted(), ["unseal.key", "unseal.key.previous"], `${mode} ${killAt}`);
    }
  }
  assert.ok(ends.length >= 12, ends.join(", "));
});

/** A rotation in a process of its own that kills itself at its n-th write. */
function rotateAndDie(options: {
  stateDir: string;
  ownerUrl: string;
  mode: string;
  killAt: number;
}): Promise<"killed" | "finished"> {
  const script = `
    import { Secret } from "#secrets/secret.ts";
    import { openDatabase } from "#store/database.ts";
    import { openKeys } from "#store/keys.ts";
    import { openPool } from "#store/session.ts";
    import { rotateUnsealKey } from "#domains/keys/unseal-rotation.ts";
    const db = openDatabase(openPool(new Secret(process.env.OWNER_URL)));
    const source = { kind: "file", path: process.env.KEY_PATH, isOwn: true };
    const { ring } = await openKeys(db, source);
    await rotateUnsealKey({ db, keys: ring }, source, { by: "cli:test" });
    await db.destroy();`;
  const env = {
    PATH: process.env["PATH"] ?? "",
    OWNER_URL: options.ownerUrl,
    KEY_PATH: unsealKeyPath(options.stateDir),
    KILL_MODE: options.mode,
    KILL_AT: String(options.killAt),
  };
  const words = ["--import", join(programRoot, "test/kill-at.ts"), "--input-type=module", "--eval", script];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, words, { env, cwd: programRoot, timeout: 60_000 }, (error) => {
      if (error === null) resolve("finished");
      else if (error.signal === "SIGKILL") resolve("killed");
      else reject(error);
    });
  });
}
