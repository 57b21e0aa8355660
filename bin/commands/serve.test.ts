import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { programRoot } from "#config/state-directory.ts";
import { serverStatus } from "#store/server.ts";
import { runLeveredge } from "#test/run-leveredge.ts";
import { testStateDirectory } from "#test/state-directory.ts";

type Served = { child: ChildProcessWithoutNullStreams; url: string; printed: () => string };

/** Serves on a free port; answers when the program says where. */
async function serve(t: TestContext, words: readonly string[]): Promise<Served> {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent" };
  const child = spawn(join(programRoot, "bin/leveredge"), ["serve", "--port", "0", ...words], { env, cwd: "/" });
  t.after(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(text));
  for await (const line of createInterface(child.stderr)) {
    lines.push(line);
    const url = /serves Test at (http:\S+);/.exec(line)?.[1];
    if (url !== undefined) return { child, url, printed: () => lines.join("\n") };
  }
  throw new Error(`it did not serve: ${lines.join("\n")}`);
}

async function stop({ child }: Served, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<unknown> {
  child.stderr.resume();
  child.kill(signal);
  const [exitCode] = await once(child, "exit");
  return exitCode;
}

test("serve answers until it is told to end, and gives the first admin's token at the first start alone", async (t) => {
  const state = await testStateDirectory(t);
  const config = join(state, "leveredge.yaml");
  await writeFile(config, `platform: { name: Test, root: ${state} }\n`);
  const words = ["--state", state, "--config", config];

  const first = await serve(t, words);
  const token = await readToken(first);
  const me = await fetch(`${first.url}/me`, { headers: { authorization: `Bearer ${token}` } });
  const taken = await runLeveredge(["serve", "--port", new URL(first.url).port, ...words]);
  const firstExit = await stop(first);
  const second = await serve(t, words);
  const secondExit = await stop(second);

  assert.equal(me.status, 200);
  assert.match(await me.text(), /"user":"admin"/);
  assert.equal(taken.exitCode, 7);
  assert.match(taken.stderr, new RegExp(`is taken by the LeverEdge server with pid ${first.child.pid}\\n`));
  assert.deepEqual([firstExit, secondExit], [0, 0]);
  assert.ok(!second.printed().includes("aegis_"));
});

test("sign-in leads to where the server of the state directory listens, and says so when none does", async (t) => {
  const state = await testStateDirectory(t);
  const config = join(state, "leveredge.yaml");
  await writeFile(config, `platform: { name: Test, root: ${state} }\nserve: { port: 8123 }\n`);
  const words = ["--state", state, "--config", config];
  const served = await serve(t, words);
  await readToken(served);

  const during = await runLeveredge(["sign-in", ...words]);
  const status = await runLeveredge(["status", "--json", ...words]);
  const hex = await runLeveredge(["sign-in", "--port", "0x10", ...words]);
  await stop(served, "SIGKILL");
  const after = await runLeveredge(["sign-in", ...words]);

  const page = new URL(during.stdout);
  assert.equal(`${page.origin}${page.pathname}`, `${served.url}/sign-in`, during.stderr);
  assert.doesNotMatch(during.stderr, /No server/);
  assert.match(status.stdout, new RegExp(`answers on http://127.0.0.1:${page.port}"`));
  assert.deepEqual([hex.exitCode, hex.stdout], [2, ""]);
  assert.match(after.stdout, /^http:\/\/localhost:8123\/sign-in#/);
  assert.match(after.stderr, /No server of this state directory runs yet: leveredge serve/);
});

test("a server whose store is killed starts it again and answers as before, until the store is stopped on purpose", async (t) => {
  const state = await testStateDirectory(t);
  const config = join(state, "leveredge.yaml");
  await writeFile(config, `platform: { name: Test, root: ${state} }\n`);
  const words = ["--state", state, "--config", config];
  const served = await serve(t, words);
  const token = await readToken(served);
  const store = { directory: state, name: "store" };
  const before = await serverStatus(store);
  assert.ok(before.state === "running");

  process.kill(before.pid, "SIGKILL");
  while ((await serverStatus(store)).state !== "running") await delay(100);
  while ((await fetch(`${served.url}/readyz`)).status !== 200) await delay(100);
  const me = await fetch(`${served.url}/me`, { headers: { authorization: `Bearer ${token}` } });
  const stopped = await runLeveredge(["store", "stop", ...words]);
  await delay(2_500);
  const after = await serverStatus(store);
  const exitCode = await stop(served);

  assert.equal(me.status, 200);
  assert.equal(stopped.exitCode, 0, stopped.stderr);
  assert.deepEqual(after, { state: "stopped" });
  assert.equal(exitCode, 0);
});

/** It is the one thing that is printed to standard output. */
async function readToken(served: Served): Promise<string> {
  for (;;) {
    const [token] = /aegis_pat_\w+/.exec(served.printed()) ?? [];
    if (token !== undefined) return token;
    await once(served.child.stdout, "data");
  }
}
