import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import type { CommandContext } from "#cli/command.ts";
import { AppError } from "#errors.ts";
import { type CheckedCredentials, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { credentialCommands } from "./credential-commands.ts";

type Given = { arguments?: string[]; options?: CommandContext["options"]; lists?: CommandContext["lists"] };

function runnerOf({ app }: CheckedCredentials) {
  return async (name: string, given: Given): Promise<{ text: string; said: string }> => {
    const command = credentialCommands.find((candidate) => candidate.name === `credentials ${name}`);
    assert.ok(command);
    const shown: string[] = [];
    const said: string[] = [];
    await command.run({
      arguments: given.arguments ?? [],
      options: given.options ?? {},
      ...(given.lists === undefined ? {} : { lists: given.lists }),
      global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
      output: { data: (_value, text) => shown.push(text), say: (line) => said.push(line), live: false },
      signal: app.signal,
      openApp: () => Promise.resolve(app),
    });
    return { text: shown.join("\n"), said: said.join("\n") };
  };
}

test("a field that is given twice, a long note and days out of range are refused by their names", async (t) => {
  const scene = await openCheckedCredentials(t);
  const run = runnerOf(scene);
  const file = join(scene.app.stateDir, "key");
  await writeFile(file, keyOf("one"), { mode: 0o600 });
  const add = (given: Given) =>
    run("add", {
      arguments: ["one"],
      ...given,
      options: { provider: "acme", ...given.options },
      lists: { fromFile: [`api_key=${file}`], ...given.lists },
    });

  const faults: [Given, RegExp][] = [
    [{ lists: { fromFile: [`api_key=${file}`, `api_key=${file}`] } }, /^field api_key is given twice$/],
    [{ options: { note: "x".repeat(1001) } }, /^--note is no line of at most 1,000 characters$/],
    [{ options: { rotationDays: "0" } }, /^--rotation-days is "0", expected a whole number from 1 to 3650$/],
    [{ options: { rotationDays: "36500000" } }, /^--rotation-days is "36500000", expected/],
  ];
  for (const [given, message] of faults) {
    await assert.rejects(add(given), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.match(error.message, message);
      return error.code === "invalid_input";
    });
  }
  await writeFile(file, Buffer.from("676f6f64fffe", "hex"));
  await assert.rejects(add({}), /is no text in UTF-8$/);
  await assert.rejects(scene.read("one"), /no credential/);
});

test("a file that others can read is taken with a warning", async (t) => {
  const scene = await openCheckedCredentials(t);
  const file = join(scene.app.stateDir, "key");
  await writeFile(file, keyOf("one"));
  await chmod(file, 0o666);

  const { said } = await runnerOf(scene)("add", {
    arguments: ["one"],
    options: { provider: "acme" },
    lists: { fromFile: [`api_key=${file}`] },
  });

  assert.match(said, /^warning: \S+ has mode 0666: other users can reach it$/m);
});

test("what is bound already is not bound again, and a first version has none before it", async (t) => {
  const scene = await openCheckedCredentials(t);
  await scene.add("one");
  const run = runnerOf(scene);

  const { text } = await run("rebind", { arguments: ["one"], options: { yes: true } });

  assert.match(text, /^one is bound to \S+ already$/);
  assert.equal((await scene.read("one")).version, 1);
  await assert.rejects(run("rollback", { arguments: ["one"] }), /^AppError: credential one has no earlier version$/);
});

test("no credential is put where it would tell programs what to load", async (t) => {
  const scene = await openCheckedCredentials(t);
  await scene.add("one");
  const run = runnerOf(scene);

  for (const variable of ["LD_PRELOAD", "NODE_OPTIONS", "PATH", "BASH_ENV"]) {
    const given = { arguments: ["true"], lists: { envMap: [`one/api_key=${variable}`] } };
    await assert.rejects(run("run", given), new RegExp(`^AppError: ${variable} tells programs what to load`));
  }
});
