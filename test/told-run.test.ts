import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { freshDatabase } from "#test/database.ts";
import { runLeveredge } from "#test/run-leveredge.ts";

test("a blocked run reaches people and the knowledge log before the command ends", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-told-"));
  t.after(() => rm(directory, { recursive: true }));
  const [config, messages] = [join(directory, "leveredge.yaml"), join(directory, "messages.jsonl")];
  await mkdir(join(directory, "platform"));
  const store = await freshDatabase(t, { major: 18 });
  await writeFile(
    config,
    `platform: { name: Told, root: ${directory}/platform }
environments: { dev: { database: "file:dev.url" }, prod: { database: "file:prod.url" } }
mirror: {}
notifications: { channels: { file: { path: ${messages} } } }
`,
  );
  const run = (...words: string[]) =>
    runLeveredge([...words, "--config", config, "--state", join(directory, "state")], {
      env: { DATABASE_URL: store.url },
    });

  const ended = await run("harden", "--strict");

  assert.equal(ended.exitCode, 12, ended.stderr);
  const told = await readFile(messages, "utf8");
  assert.match(told, /⛔ Section 1 blocked: Database mirroring/);
  assert.match(told, /🔧 MEGA GSD ended blocked/);
  assert.match(told, /file:prod\.url/, "with its reason");
  const { entries } = JSON.parse((await run("knowledge", "list", "--json")).stdout);
  assert.deepEqual(
    entries.map(({ title }: { title: string }) => title),
    [
      "hardening of Told started",
      "⛔ Section 1 blocked: Database mirroring",
      "⛔ Section 3 blocked: AEGIS providers",
      "🔧 MEGA GSD ended blocked",
    ],
  );
});
