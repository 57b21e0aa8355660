import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";

import type { App } from "#app.ts";
import { programRoot } from "#config/state-directory.ts";
import { createPurposeKey } from "#secrets/key-record.ts";
import type { Secret } from "#secrets/secret.ts";
import { unsealKeyPath } from "#secrets/unseal-key.ts";
import { insertKey } from "#store/key-queries.ts";
import { openKeyRing, openKeys } from "#store/keys.ts";
import { testOwnedApp } from "#test/app.ts";
import { addManyCredentials, valueOf } from "#test/many-credentials.ts";

import { countVersionsUnderOtherKeys, findCredential } from "./queries.ts";
import { openVersion } from "./vault.ts";

const count = 10_000;
const kills = 20;
const program = join(programRoot, "test", "killed-rewrap.ts");

/** Ends by itself, or is killed after its first lines. Answers whether it came to its end. */
async function rewrap(app: App, ownerUrl: Secret, lines: number): Promise<boolean> {
  const child = spawn(process.execPath, [program, app.stateDir], {
    env: { STORE_URL: ownerUrl.reveal() },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let seen = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    seen += chunk.toString("utf8").split("\n").length - 1;
    if (seen >= lines) child.kill("SIGKILL");
  });
  const [code] = await once(child, "exit");
  return code === 0;
}

/** A program that began before the rotation reads until it is told to end; answers how many reads, and what failed. */
function readOn(app: App): { end: () => Promise<{ reads: number; failures: string[] }> } {
  const answer = { reads: 0, failures: [] as string[] };
  const over = new AbortController();
  const lane = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const place = 1 + Math.floor(Math.random() * count);
      const credential = await findCredential(app.db, `c${place}`);
      assert.ok(credential);
      const opened = await openVersion(app.db, app, credential, 1).catch((error: unknown) => String(error));
      answer.reads += 1;
      const value = typeof opened === "string" ? opened : opened["api_key"]?.reveal();
      if (value !== valueOf(place)) answer.failures.push(String(value));
    }
  };
  const lanes = [lane(), lane()];
  return {
    end: async () => {
      over.abort();
      await Promise.all(lanes);
      return answer;
    },
  };
}

test("ten thousand credentials get another key while they are read, however often the work is killed", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  await addManyCredentials(app, count);
  const reader = readOn({ ...app, keys: await openKeyRing(app.db, app.stateDir) });
  const opened = await openKeys(app.db, { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true });
  assert.ok(await insertKey(app.db, createPurposeKey(app.keys.instanceId, opened.root, "credentials-prod", 2)));

  for (let kill = 0; kill < kills; kill += 1) await rewrap(app, ownerUrl, 1 + (kill % 3));
  const isDone = await rewrap(app, ownerUrl, Infinity);

  const { reads, failures } = await reader.end();
  assert.equal(isDone, true);
  assert.equal(await countVersionsUnderOtherKeys(app.db, "prod", 2), 0);
  assert.deepEqual(failures, []);
  assert.ok(reads > 100, `${reads} reads`);
});
