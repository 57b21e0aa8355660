import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { Decrypter, armor, generateIdentity, identityToRecipient } from "age-encryption";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { programRoot } from "#config/state-directory.ts";
import { AppError } from "#errors.ts";
import { unsealKeyPath } from "#secrets/unseal-key.ts";
import { testApp, testOwnedApp } from "#test/app.ts";
import { runLeveredge } from "#test/run-leveredge.ts";

import { keysCommands } from "./commands.ts";

type Printed = { exitCode: number; data: unknown; text: string; said: string[] };

/** Runs a command as the parser calls it, on an app that is open already. */
async function runCommand(
  app: App,
  name: string,
  options: Record<string, string | true> = {},
  json = false,
): Promise<Printed> {
  const commands = keysCommands(() => Promise.resolve({ rewrapped: 0, unopened: [] }));
  const command = commands.find((candidate) => candidate.name === name);
  assert.ok(command);
  const printed: Printed = { exitCode: -1, data: undefined, text: "", said: [] };
  const context: CommandContext = {
    arguments: [],
    options,
    global: { config: undefined, state: app.stateDir, json, color: false, quiet: false },
    output: {
      data: (value, text) => Object.assign(printed, { data: value, text }),
      say: (line) => printed.said.push(line),
      live: false,
    },
    signal: new AbortController().signal,
    openApp: () => Promise.resolve(app),
  };
  return {
    ...printed,
    exitCode: await command.run(context),
    said: printed.said,
    data: printed.data,
    text: printed.text,
  };
}

const isInvalid = (message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === "invalid_input" && message.test(error.message);

test("a command line that says no way to go, or two, is refused", async (t) => {
  const app = await testApp(t);
  const refused: [string, Record<string, string | true>, RegExp][] = [
    ["keys rotate", {}, /one of --kek, --unseal is needed/],
    ["keys rotate", { kek: "prod", unseal: true }, /given 2/],
    ["keys rotate", { kek: "stage" }, /--kek is "stage"/],
    ["keys rotate", { kek: "prod", dropPrevious: true }, /with --unseal/],
    ["keys rotate", { unseal: true, dropPrevious: true, dropStaged: true }, /one at a time/],
    ["keys rotate", { unseal: true, to: "/x", dropStaged: true }, /one at a time/],
    ["keys recover", {}, /one of --add, --identity, --none is needed/],
    ["keys recover", { add: "age1x", none: "I accept that all is lost" }, /given 2/],
    ["keys recover", { identity: "/x", answer: "y" }, /--answer goes with --add/],
    ["keys recover", { add: "age1x", dropOthers: true }, /--drop-others goes with --identity/],
    ["keys recover", { add: "age1x" }, /is no age recipient/],
  ];

  for (const [name, options, message] of refused) {
    await assert.rejects(runCommand(app, name, options), isInvalid(message), `${name} ${JSON.stringify(options)}`);
  }
});

test("rotating and dropping say what was done and what backups still need", async (t) => {
  const app = await testApp(t);

  const rotated = await runCommand(app, "keys rotate", { unseal: true });
  const dropped = await runCommand(app, "keys rotate", { unseal: true, dropPrevious: true });
  const again = await runCommand(app, "keys rotate", { unseal: true, dropPrevious: true });
  const staged = await runCommand(app, "keys rotate", { unseal: true, dropStaged: true });
  const environment = await runCommand(app, "keys rotate", { kek: "dev" });

  assert.match(rotated.text, /^unseal key \w{8} is the active one; \w{8} is the previous one$/);
  assert.match(rotated.said.join("\n"), /--drop-previous/);
  assert.match(dropped.text, /^unseal key \w{8} opens this store no more$/);
  assert.match(dropped.said.join("\n"), /Backups of this store from before 20\S+ open with unseal key \w{8}/);
  assert.equal(again.text, "there is no previous unseal key");
  assert.equal(staged.text, "no rotation was begun");
  assert.match(environment.text, /credentials of dev are under version 2/);
  assert.deepEqual(
    [rotated, dropped, again, staged, environment].map(({ exitCode }) => exitCode),
    [0, 0, 0, 0, 0],
  );
});

test("with --json the challenge is the answer of the first call, and its proof that of the second", async (t) => {
  const app = await testApp(t);
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);

  const asked = await runCommand(app, "keys recover", { add: recipient }, true);
  assert.ok(typeof asked.data === "object" && asked.data !== null && "challenge" in asked.data);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const answer = await decrypter.decrypt(armor.decode(String(asked.data.challenge)), "text");
  const proven = await runCommand(app, "keys recover", { add: recipient, answer }, true);

  assert.equal(asked.exitCode, 12);
  assert.deepEqual([proven.exitCode, proven.data], [0, { recipient, proven: true }]);
});

test("going without recovery is recorded in the words that were said", async (t) => {
  const app = await testApp(t);

  const { exitCode, data } = await runCommand(app, "keys recover", { none: "I accept that all is lost then" });

  assert.deepEqual([exitCode, data], [0, { words: "I accept that all is lost then" }]);
});

test("status, unseal and recovery work on a sealed store, and no word of a key is printed", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  const env = { DATABASE_URL: ownerUrl.reveal(), LEVEREDGE_STATE: app.stateDir };
  const path = unsealKeyPath(app.stateDir);
  const key = await readFile(path);
  const run = async (words: string[], variables: Record<string, string> = {}) => {
    const ran = await runLeveredge(words, { env: { ...env, ...variables } });
    for (const encoding of ["hex", "base64", "base64url"] as const) {
      assert.ok(!(ran.stdout + ran.stderr).includes(key.toString(encoding)));
    }
    return ran;
  };

  const open = await run(["keys", "status", "--json"]);
  await rename(path, `${path}.away`);
  const sealed = await run(["keys", "status"]);
  const refused = await run(["keys", "unseal"]);
  const elsewhere = await run(["keys", "unseal", "--source", `file:${path}.away`]);
  const variable = await run(["keys", "unseal"], { LEVEREDGE_UNSEAL_KEY: "env:KEY", KEY: key.toString("hex") });
  const wrong = await run(["keys", "unseal"], { LEVEREDGE_UNSEAL_KEY: "env:KEY", KEY: "00".repeat(32) });
  const unknown = await run(["keys", "unseal", "--source", "vault:x/y"]);

  assert.equal(open.exitCode, 0);
  const status = JSON.parse(open.stdout);
  assert.deepEqual([status.opens, status.recovery.state, status.unsealKeys.length], [true, "missing", 1]);
  assert.deepEqual(status.purposes.length, 6);
  assert.equal(sealed.exitCode, 78);
  assert.match(sealed.stdout, /the store is sealed: .* there is no .*unseal\.key/);
  assert.match(sealed.stdout, /recovery: not proven/);
  assert.equal(refused.exitCode, 78);
  assert.match(refused.stderr, /^error: the store is sealed with unseal key \w{8} and there is no .*\nhint: /);
  assert.deepEqual([elsewhere.exitCode, variable.exitCode], [0, 0]);
  assert.match(variable.stdout, /^the store opens with the variable KEY: unseal key \w{8}, active$/m);
  assert.equal(wrong.exitCode, 78);
  assert.match(wrong.stderr, /the store was sealed with unseal key \w{8}, the variable KEY holds \w{8}/);
  assert.equal(unknown.exitCode, 2);
});

test("a recipient is proven on the terminal's input and brings the lost key back", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  const config = join(app.stateDir, "leveredge.yaml");
  await writeFile(config, `platform: { name: Test, root: ${app.stateDir} }\n`);
  const env = { DATABASE_URL: ownerUrl.reveal(), LEVEREDGE_STATE: app.stateDir, LEVEREDGE_CONFIG: config };
  const identity = await generateIdentity();
  const identityPath = join(app.stateDir, "identity");
  await writeFile(identityPath, `${identity}\n`, { mode: 0o400 });

  const proven = await answerChallenge(identity, await identityToRecipient(identity), env);
  await rm(unsealKeyPath(app.stateDir));
  const recovered = await runLeveredge(["keys", "recover", "--identity", identityPath], { env });
  const status = await runLeveredge(["keys", "status", "--json"], { env });

  assert.match(proven, /is proven: its identity brings the root key back/);
  assert.equal(recovered.exitCode, 0, recovered.stderr);
  assert.match(recovered.stdout, /^unseal key \w{8} is the active one; \w{8} is the previous one$/m);
  assert.deepEqual(
    [status.exitCode, JSON.parse(status.stdout).opens, JSON.parse(status.stdout).recovery.state],
    [0, true, "proven"],
  );
});

test("a variable holds the unseal key of a dev platform with a warning, and of one with a prod not at all", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  const config = join(app.stateDir, "leveredge.yaml");
  const key = await readFile(unsealKeyPath(app.stateDir));
  const env = {
    DATABASE_URL: ownerUrl.reveal(),
    LEVEREDGE_STATE: app.stateDir,
    LEVEREDGE_CONFIG: config,
    LEVEREDGE_UNSEAL_KEY: "env:KEY",
    KEY: key.toString("base64"),
  };
  const platform = `platform: { name: Test, root: ${app.stateDir} }\n`;

  await writeFile(config, platform);
  const dev = await runLeveredge(["knowledge", "list"], { env });
  const doctor = await runLeveredge(["doctor", "--json"], { env });
  await writeFile(config, `${platform}environments: { prod: { database: "env:PROD_DATABASE_URL" } }\n`);
  const prod = await runLeveredge(["knowledge", "list"], { env });

  assert.equal(dev.exitCode, 0, dev.stderr);
  assert.match(dev.stderr, /^warning: the variable KEY holds the unseal key/m);
  assert.match(doctor.stdout, /the variable KEY holds it: every program of this user can read it/);
  assert.equal(prod.exitCode, 78);
  assert.match(prod.stderr, /^error: the variable KEY may hold the unseal key of a dev platform only/m);
});

/** Runs `keys recover --add`, decrypts what it prints and types that. */
function answerChallenge(identity: string, recipient: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    let stdout = "";
    let answered = false;
    const child = execFile(
      join(programRoot, "bin/leveredge"),
      ["keys", "recover", "--add", recipient],
      { env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent", ...env }, cwd: "/", timeout: 60_000 },
      (error, all) => (error === null ? resolve(all) : reject(error)),
    );
    child.stdout?.on("data", (text: string) => {
      stdout += text;
      if (answered || !stdout.includes("-----END AGE ENCRYPTED FILE-----")) return;
      answered = true;
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      decrypter.decrypt(armor.decode(stdout), "text").then((answer) => child.stdin?.end(answer), reject);
    });
  });
}
