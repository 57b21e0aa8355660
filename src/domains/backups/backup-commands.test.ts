import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { z } from "zod";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";
import { backupPlatform, damage } from "#test/backup-set.ts";

import { backupCommands } from "./backup-commands.ts";

type Ran = { exitCode: number; data: Record<string, unknown>; text: string };

async function run(
  app: App | undefined,
  name: string,
  words: { arguments?: string[]; options?: CommandContext["options"]; state?: string } = {},
): Promise<Ran> {
  const command = backupCommands.find((candidate) => candidate.name === `backups ${name}`);
  assert.ok(command);
  const shown: { value: unknown; text: string }[] = [];
  const exitCode = await command.run({
    arguments: words.arguments ?? [],
    options: words.options ?? {},
    global: { config: undefined, state: words.state, json: false, color: false, quiet: false },
    output: { data: (value, text) => shown.push({ value, text }), say: () => undefined, live: false },
    signal: new AbortController().signal,
    openApp: async () => {
      if (app === undefined) throw new AppError("internal", "no configuration is needed here");
      return app;
    },
  });
  assert.equal(shown.length, 1);
  const data = z.record(z.string(), z.unknown()).parse(JSON.parse(JSON.stringify(shown[0]?.value)));
  return { exitCode, data, text: shown[0]?.text ?? "" };
}

test("a set is backed up, listed and verified, and a damaged newest file ends with its own exit code", async (t) => {
  const { app } = await backupPlatform(t);

  const created = await run(app, "create");
  const before = await run(app, "list");
  const verified = await run(app, "verify", { arguments: ["chronos"] });
  await damage(String(created.data["file"]));
  const damaged = await run(app, "verify");
  const after = await run(app, "list");

  assert.equal(created.exitCode, 0);
  assert.match(created.text, /chronos-\d{8}T\d{6}Z\.dump: .* 400 rows of 1 tables/);
  assert.match(before.text, /^SET .*\nchronos  chronos-\S+\.dump  .* never$/);
  assert.deepEqual([verified.exitCode, damaged.exitCode], [outcomeExit.ok, outcomeExit.failed], verified.text);
  assert.match(verified.text, /^chronos  verified  content /m);
  assert.match(damaged.text, /^chronos  damaged .*\n  .*\n  → leveredge backups create chronos$/m);
  assert.match(after.text, /damaged, \d+ s ago$/);
});

test("a file of no set is verified without a configuration", async (t) => {
  const { app, directory, backUp } = await backupPlatform(t);
  const file = await backUp();
  await writeFile(join(directory, "notes.txt"), "no dump at all. ".repeat(100));
  const verify = (options: CommandContext["options"]) => run(undefined, "verify", { options, state: app.stateDir });

  const good = await verify({ file });
  const foreign = await verify({ file: join(directory, "notes.txt") });

  assert.deepEqual([good.exitCode, good.data["assurance"]], [0, "content"], good.text);
  assert.equal(foreign.exitCode, outcomeExit.blocked, foreign.text);
});

test("a manifest that is named and is not there is the caller's mistake, one that is damaged the drill's answer", async (t) => {
  const { app, directory, backUp } = await backupPlatform(t);
  const file = await backUp();
  const manifest = join(directory, "other.json");
  const verify = () => run(undefined, "verify", { options: { file, manifest }, state: app.stateDir });

  await assert.rejects(verify(), { code: "not_found", message: /^cannot read the manifest \S+other\.json: ENOENT$/ });
  await writeFile(manifest, "[]");
  const damaged = await verify();

  assert.equal(damaged.exitCode, outcomeExit.blocked, damaged.text);
  assert.match(damaged.text, /the manifest \S+other\.json is damaged/);
});

test("another database is backed up to a file, and a password on the command line is refused", async (t) => {
  const { app, directory } = await backupPlatform(t);
  const out = join(directory, "other.dump");
  const reference = app.config.environments.prod?.database ?? "";

  const created = await run(undefined, "create", { options: { fromUrl: reference, out } });

  assert.equal(created.exitCode, 0);
  assert.deepEqual((await readdir(directory)).toSorted(), ["other.dump", "other.dump.manifest.json"]);
  for (const fromUrl of ["postgresql://u:hunter2@db/prod", "postgresql://u@db/prod?password=hunter2"]) {
    await assert.rejects(run(undefined, "create", { options: { fromUrl, out: `${out}.2` } }), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.match(error.message, /every user of this host can read/);
      assert.doesNotMatch(`${error.message} ${String(error.hint)}`, /hunter2/);
      return true;
    });
  }
});

test("words that make no sense together are refused", async (t) => {
  const { app } = await backupPlatform(t);
  const none = { ...app, config: { ...app.config, backups: [] } };
  const cases: [App, string, Parameters<typeof run>[2], string][] = [
    [app, "create", { options: { out: "/x" } }, "invalid_input"],
    [app, "create", { options: { fromUrl: "env:X" } }, "invalid_input"],
    [app, "create", { arguments: ["other"] }, "not_found"],
    [app, "verify", { arguments: ["other"] }, "not_found"],
    [app, "verify", { options: { manifest: "/x" } }, "invalid_input"],
    [app, "verify", { options: { file: "/x" }, arguments: ["chronos"] }, "invalid_input"],
    [none, "list", {}, "precondition_failed"],
  ];
  for (const [of, name, words, code] of cases) await assert.rejects(run(of, name, words), { code });
});

test("a due time that was noticed twice is worked on once", async (t) => {
  const { app, backUp } = await backupPlatform(t);
  await backUp();
  const words = { options: { tick: true } };

  const first = await run(app, "verify", words);
  const second = await run(app, "verify", words);

  assert.deepEqual([first.data["taken"], second.data["drills"], second.exitCode], [[], [], 0]);
  assert.match(first.text, /^chronos  verified/m);
  assert.match(second.text, /^backups:chronos is being worked on by cli:/);
});
