/**
 * Sealed credentials: the time to seal 1 KiB; reveals a second over HTTP, each of which
 * is recorded before the value leaves; sealing the data keys of 10,000 credentials anew
 * while they are read. Each beside its limit.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { z } from "zod";

import { findCredential } from "#domains/credentials/queries.ts";
import { rewrapCredentials } from "#domains/credentials/rewrap.ts";
import { openVersion } from "#domains/credentials/vault.ts";
import { sealCredential } from "#secrets/credential-seal.ts";
import { seal } from "#secrets/envelope.ts";
import { createPurposeKey } from "#secrets/key-record.ts";
import { Secret } from "#secrets/secret.ts";
import { unsealKeyPath } from "#secrets/unseal-key.ts";
import { insertKey } from "#store/key-queries.ts";
import { openKeys } from "#store/keys.ts";
import { testApp } from "#test/app.ts";
import { addManyCredentials } from "#test/many-credentials.ts";

import { median, timeMs } from "./measure.ts";
import { findFreePort, leveredge, load, print, startServer, stop, withState } from "./server-under-load.ts";

const sealLimitUs = 50;
const revealLimit = 500;
const rewrapLimitS = 60;
const seals = 20_000;
const rows = 10_000;
const runs = 3;

const revealScript = `
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"field":"api_key"}'
`;

await withState(measureReveals);

// A test gives the store of a test's own, and takes it away.
await test("in process", async (t) => {
  const app = await testApp(t);
  const kek = app.keys.key("credentials-prod");
  const key = { ...kek, id: kek.id.replaceAll("-", "") };
  const plaintext = randomBytes(1024);
  const sealUs = await timeEach(() => seal(key, ["bench"], plaintext));
  print("seal 1 KiB", `${sealUs.toFixed(1)} µs`, `${sealLimitUs} µs`, sealUs / sealLimitUs);
  const place = { credentialId: randomUUID(), environment: "prod", version: 1, origin: "" } as const;
  const secret = { value: new Secret(randomBytes(512).toString("hex")) };
  const wholeUs = await timeEach(() => sealCredential(app.keys, place, secret));
  console.log(`a credential of 1 KiB with a key of its own, wrapped and committed to: ${wholeUs.toFixed(1)} µs`);

  await addManyCredentials(app, rows);
  const opened = await openKeys(app.db, { kind: "file", path: unsealKeyPath(app.stateDir), isOwn: true });
  await insertKey(app.db, createPurposeKey(app.keys.instanceId, opened.root, "credentials-prod", 2));
  const over = new AbortController();
  let reads = 0;
  const reading = (async () => {
    for (; !over.signal.aborted; reads += 1) {
      const credential = await findCredential(app.db, `c${1 + (reads % rows)}`);
      if (credential === undefined) throw new Error("a credential is gone");
      await openVersion(app.db, app, credential, 1);
    }
  })();
  const ms = await timeMs(() =>
    rewrapCredentials(app, "prod", { signal: new AbortController().signal, progress: () => undefined }),
  );
  over.abort();
  await reading;
  const seconds = ms / 1000;
  print(
    `rewrap ${rows} credentials, ${reads} read meanwhile`,
    `${seconds.toFixed(1)} s`,
    `${rewrapLimitS} s`,
    seconds / rewrapLimitS,
  );
});

/** Microseconds; the first round warms up. */
async function timeEach(work: () => unknown): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round <= runs; round += 1) {
    const ms = await timeMs(() => {
      for (let n = 0; n < seals; n += 1) work();
    });
    rounds.push((ms / seals) * 1000);
  }
  return median(rounds.slice(1));
}

async function measureReveals(state: string): Promise<void> {
  const config = join(state, "bench.yaml");
  const script = join(state, "reveal.lua");
  await mkdir(join(state, "platform"));
  await writeFile(config, `platform: { name: Bench, root: "${join(state, "platform")}" }\n`);
  await writeFile(script, revealScript);
  const store = ["--state", state, "--config", config, "--json"];
  const add = ["credentials", "add", "bench", "--provider", "openai", "--stdin", "api_key", ...store];
  leveredge(add, `sk-bench-${"0".repeat(40)}`);
  leveredge(["users", "create", "bench", "--role", "admin", ...store]);
  const created = leveredge(["tokens", "create", "--user", "bench", "--name", "bench", ...store]);
  const { token } = z.object({ token: z.string() }).parse(JSON.parse(created));

  const port = await findFreePort();
  const { child } = await startServer(port, { state, config });
  const url = `http://127.0.0.1:${port}/credentials/1/reveal`;
  load(url, token, script);
  const rate = median(Array.from({ length: runs }, () => load(url, token, script)));
  print("audited reveals", `${rate.toFixed(0)}/s`, `at least ${revealLimit}/s`, rate / revealLimit);
  await stop(child);
}
