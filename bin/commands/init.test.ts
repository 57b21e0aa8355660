import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

import { parseConfig } from "#config/load.ts";
import { runLeveredge } from "#test/run-leveredge.ts";

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-init-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test("init writes a valid configuration that names the schema of this program", async (t) => {
  const cwd = await makeDirectory(t);

  const ran = await runLeveredge(["init"], { cwd });

  const text = await readFile(join(cwd, "leveredge.yaml"), "utf8");
  const schema = /^# yaml-language-server: \$schema=(file:.*)$/m.exec(text)?.[1] ?? "";
  assert.equal(ran.exitCode, 0);
  assert.match(ran.stdout, /leveredge doctor --config/);
  assert.match(ran.stdout, /leveredge keys recover --add age1… --config \S+leveredge\.yaml /);
  assert.ok(parseConfig(text).config !== undefined);
  assert.equal(JSON.parse(await readFile(fileURLToPath(schema), "utf8")).title, "leveredge.yaml");
});

test("init --listen has the server take messages for HERMES, and asks nothing where nobody is", async (t) => {
  const cwd = await makeDirectory(t);

  const { exitCode, stdout } = await runLeveredge(["init", "--listen", "--json"], { cwd });

  const { config } = parseConfig(await readFile(join(cwd, "leveredge.yaml"), "utf8"));
  assert.equal(exitCode, 0);
  assert.deepEqual([JSON.parse(stdout).listens, config?.notifications], [true, { channels: {}, listen: true }]);
});

test("init never touches a file that exists, and names the way out", async (t) => {
  const directory = await makeDirectory(t);
  const path = join(directory, "mine.yaml");
  await writeFile(path, "mine");

  const ran = await runLeveredge(["init", path]);

  assert.deepEqual(ran, {
    exitCode: 5,
    stdout: "",
    stderr: `error: ${path} exists already\nhint: Name another path: \`leveredge init FILE\`.\n`,
  });
  assert.equal(await readFile(path, "utf8"), "mine");
});

test("init into a folder that does not exist says so", async () => {
  const { exitCode, stderr } = await runLeveredge(["init", "/nonexistent/leveredge.yaml", "--json"]);

  assert.equal(exitCode, 4);
  assert.match(JSON.parse(stderr).error.message, /the folder of \/nonexistent\/leveredge\.yaml does not exist/);
});
