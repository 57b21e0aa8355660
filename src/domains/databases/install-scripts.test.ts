import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";

import { Config } from "#config/schema.ts";
import type { ManagedFile } from "#system/managed-file.ts";

import { inspectScripts, type ScriptApp, writeScripts } from "./install-scripts.ts";
import { syncSchemaPath } from "./section.ts";

type Platform = ScriptApp & { root: string; script: string };

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "install-scripts-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

async function platform(t: TestContext, name = "platform"): Promise<Platform> {
  const directory = await folder(t);
  const root = join(directory, name);
  await mkdir(root);
  const config = Config.parse({ platform: { name: "Test", root }, mirror: {} });
  return {
    config,
    root,
    configPath: join(root, "leveredge.yaml"),
    stateDir: join(directory, "state"),
    script: join(root, syncSchemaPath),
  };
}

async function inspect(app: ScriptApp): Promise<ManagedFile> {
  const [script, ...others] = await inspectScripts(app);
  assert.ok(script);
  assert.deepEqual(others, []);
  return script;
}

test("the script is written once, executable, and runs without a PATH under this Node", async (t) => {
  const app = await platform(t, "it's a $HOME; platform");

  const before = await inspect(app);
  await writeScripts(app);
  const after = await inspect(app);

  assert.deepEqual([before.state, after.state], ["absent", "current"]);
  assert.equal((await stat(app.script)).mode & 0o777, 0o755);
  const content = await readFile(app.script, "utf8");
  assert.equal(content.trimEnd().split("\n").length, 3);
  assert.ok(content.includes(`'${process.execPath}'`));
  const { stdout } = await promisify(execFile)(app.script, ["--help"], { env: {} });
  assert.match(stdout, /leveredge mirror apply/);
});

test("a script of ours that was edited or lost its mode is written anew", async (t) => {
  const app = await platform(t);
  await writeScripts(app);
  const content = await readFile(app.script, "utf8");
  await writeFile(app.script, `${content}rm -rf /\n`);

  const edited = await inspect(app);
  await writeScripts(app);
  const mended = await readFile(app.script, "utf8");
  await chmod(app.script, 0o644);
  const unusable = await inspect(app);

  assert.deepEqual([edited.state, mended, unusable.state], ["outdated", content, "outdated"]);
});

test("a file of somebody else is kept beside ours with its mode, and so is the next one", async (t) => {
  const app = await platform(t);
  await mkdir(join(app.root, "shared/scripts"), { recursive: true });
  await writeFile(app.script, "#!/bin/sh\necho first\n", { mode: 0o700 });

  const first = await inspect(app);
  await writeScripts(app);
  await writeFile(app.script, "#!/bin/sh\necho second\n");
  await writeScripts(app);
  await writeFile(app.script, "#!/bin/sh\necho first\n");
  await writeScripts(app);

  assert.deepEqual([first.state, first.keepAs], ["foreign", `${syncSchemaPath}.before-leveredge`]);
  assert.equal(await readFile(`${app.script}.before-leveredge`, "utf8"), "#!/bin/sh\necho first\n");
  assert.equal((await stat(`${app.script}.before-leveredge`)).mode & 0o777, 0o700);
  assert.equal(await readFile(`${app.script}.before-leveredge.2`, "utf8"), "#!/bin/sh\necho second\n");
  await assert.rejects(stat(`${app.script}.before-leveredge.3`));
  assert.equal((await inspect(app)).state, "current");
});

test("a link that leads out of the root is refused and what it leads to is untouched", async (t) => {
  const app = await platform(t);
  const outside = await folder(t);
  await symlink(outside, join(app.root, "shared"));
  await mkdir(join(outside, "scripts"));
  await writeFile(join(outside, "scripts/sync-schema.sh"), "theirs");

  await assert.rejects(writeScripts(app), { code: "conflict", message: /leads out of the platform's root/ });

  assert.equal(await readFile(join(outside, "scripts/sync-schema.sh"), "utf8"), "theirs");
  assert.equal(await readlink(join(app.root, "shared")), outside);
});

test("the script and its folders belong to the owner of the root", async (t) => {
  const app = await platform(t);
  // Only root can give files away; anybody else owns the root already.
  const owner = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
  if (owner === 65_534) await chown(app.root, owner, owner);

  await writeScripts(app);

  for (const path of ["shared", "shared/scripts", syncSchemaPath]) {
    assert.deepEqual([path, (await stat(join(app.root, path))).uid], [path, owner]);
  }
});

test("each part of the configuration brings its script, and both are written", async (t) => {
  const app = await platform(t);
  const backups = [{ name: "chronos", environment: "prod", directory: "/backups", pattern: "*.dump" }];
  const both = { ...app, config: Config.parse({ ...app.config, backups }) };

  await writeScripts(both);

  const scripts = await inspectScripts(both);
  assert.deepEqual(
    scripts.map(({ path, state }) => [path, state]),
    [
      ["shared/scripts/sync-schema.sh", "current"],
      ["shared/scripts/verify-backups.sh", "current"],
    ],
  );
  const { stdout } = await promisify(execFile)(join(app.root, "shared/scripts/verify-backups.sh"), ["--help"], {
    env: {},
  });
  assert.match(stdout, /leveredge backups verify/);
});
