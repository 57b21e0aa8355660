import assert from "node:assert/strict";
import { access, realpath, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { test } from "node:test";

import type { CommandContext } from "#cli/command.ts";
import { makeHousehold, running } from "#test/server-user.ts";

import { storeCommands } from "./store.ts";

test("store status and store stop show and stop a server that another process uses", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const { pid } = await running(use());

  const before = await run("store status", address.directory);
  const stop = await run("store stop", address.directory);
  const after = await run("store status", address.directory);

  assert.match(before.text, new RegExp(`^store: running since .*, process ${pid}, data in `));
  assert.equal(stop.text, "stopped: store");
  // Data that other state directories left behind may be told below.
  assert.match(after.text, /^store: stopped, data in \/\S+\/data$/m);
  assert.deepEqual([before.exitCode, stop.exitCode, after.exitCode], [0, 0, 0]);
});

test("store status names every place of a state directory, and what it names removes all of it", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const { dataDirectory, socketDirectory } = await running(use());
  const directory = await realpath(address.directory);

  const { text } = await run("store status", directory);
  await run("store stop", directory);

  const [, words = ""] = /--state \S+ && rm -rf (.*)$/m.exec(text) ?? [];
  const places = words.split(" ");
  const isRoot = process.getuid?.() === 0;
  assert.deepEqual(places, [directory, ...(isRoot ? [dirname(dataDirectory)] : []), socketDirectory]);
  for (const place of places) await rm(place, { recursive: true, force: true });
  for (const path of [dataDirectory, socketDirectory, directory]) await assert.rejects(access(path));
});

test("store stop in a state directory without servers says that none runs", async () => {
  const { text } = await run("store stop", "/nonexistent/leveredge");

  assert.equal(text, "no server runs");
});

async function run(name: string, state: string): Promise<{ exitCode: number; text: string }> {
  const command = storeCommands.find((candidate) => candidate.name === name);
  assert.ok(command !== undefined);
  let text = "";
  const context: CommandContext = {
    arguments: [],
    options: {},
    global: { config: undefined, state, json: false, color: false, quiet: false },
    output: { data: (_value, said) => void (text = said), say: () => undefined, live: false },
    signal: AbortSignal.timeout(60_000),
    openApp: () => Promise.reject(new Error("store commands need no configuration")),
  };
  return { exitCode: await command.run(context), text };
}
