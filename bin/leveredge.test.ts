import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { runProgram } from "#system/run.ts";
import { runLeveredge } from "#test/run-leveredge.ts";

import { commands } from "./main.ts";
import { readVersion } from "#config/program-version.ts";

const launcher = join(programRoot, "bin/leveredge");

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-bin-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test("the launcher runs the pinned Node through a symbolic link, with another Node or none on PATH", async (t) => {
  const directory = await makeDirectory(t);
  await symlink(launcher, join(directory, "first"));
  await symlink("first", join(directory, "leveredge"));

  const { stdout } = await runProgram(join(directory, "leveredge"), ["--version"], { timeoutMs: 20_000 });

  assert.equal(stdout, `${readVersion()}\n`);
});

test("without its packages the launcher says which command installs them", async (t) => {
  const directory = await makeDirectory(t);
  for (const name of ["leveredge", "pinned-node"]) await cp(join(programRoot, "bin", name), join(directory, name));

  const ran = await runProgram(join(directory, "leveredge"), ["--version"], { timeoutMs: 20_000, accept: [7] });

  assert.match(ran.stderr, /^error: the Node that LeverEdge runs on is not installed\nhint: Run `npm ci`/);
});

test("another major version of Node is refused by name", async () => {
  const fake = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '22.1.0' })";

  const ran = await runProgram(process.execPath, ["--import", fake, "bin/leveredge.ts", "--version"], {
    timeoutMs: 20_000,
    cwd: programRoot,
    accept: [7],
  });

  assert.match(ran.stderr, /^error: LeverEdge runs on Node 24, this is 22\.1\.0\nhint: Start it with bin\/leveredge/);
});

test("help names every command, and every command's help has its examples", async () => {
  const { stdout } = await runLeveredge(["--help"]);

  for (const { name, examples, summary } of commands) {
    assert.match(stdout, new RegExp(`^ +${name}\\b`, "m"));
    assert.ok(examples.length > 0, name);
    for (const example of examples) assert.ok(example.startsWith(`leveredge ${name}`), example);
    assert.match(summary, /^[a-z].*[^.]$/s, name);
  }
  assert.equal(new Set(commands.map(({ name }) => name)).size, commands.length);
});

test("help comes at once because it loads no package but the one that reads the line", async () => {
  const ran = await runProgram(process.execPath, ["--import", listingModule, "bin/leveredge.ts", "--help"], {
    timeoutMs: 20_000,
    cwd: programRoot,
  });

  assert.equal(ran.stderr, "commander\n");
});

test("no command has an option of its own under a global name", () => {
  for (const { name, options = [] } of commands) {
    for (const { flags } of options)
      assert.doesNotMatch(flags, /--(config|state|json|no-color|color|quiet|help|version)\b/, name);
  }
});

test("a reader that goes away is no failure", async () => {
  const { exitCode } = await runShell(`"${launcher}" --help | true; exit \${PIPESTATUS[0]}`);

  assert.equal(exitCode, 0);
});

test("Ctrl-C lets the command stop in its own time, and a second one ends it at once with 130", async (t) => {
  const child = spawn(process.execPath, ["--import", stubbornModule, "bin/leveredge.ts", "store", "status"], {
    cwd: programRoot,
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  await seen(child, "ready");

  child.kill("SIGINT");
  await seen(child, "aborted");
  child.kill("SIGINT");

  const [code] = await once(child, "exit");
  assert.equal(code, 130);
});

test("the package's version is the program's", async () => {
  const { version } = JSON.parse(await readFile(join(programRoot, "package.json"), "utf8"));

  assert.deepEqual(await runLeveredge(["--version"]), { exitCode: 0, stdout: `${version}\n`, stderr: "" });
});

/** Keeps the process busy and tells when its listeners are there and when the first signal came. */
const stubbornModule = `data:text/javascript,${encodeURIComponent(`
  const timer = setInterval(() => undefined, 1000);
  const exit = process.exit;
  process.exit = (code) => (code === 130 ? exit(code) : process.stdout.write("ready\\n"));
  process.on("SIGINT", () => process.stdout.write("aborted\\n"));
`)}`;

/** Says at the end which packages were loaded. */
const listingModule = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
      if (name !== undefined) packages.add(name);
      return next(url, context);
    },
  });
  process.on("exit", () => process.stderr.write([...packages].join(" ") + "\\n"));
`)}`;

function seen(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes(text)) resolve();
    });
  });
}

function runShell(script: string): Promise<{ exitCode: number; stderr: string }> {
  return runProgram("bash", ["-c", script], { timeoutMs: 20_000, accept: [0, 1, 2, 7, 141] });
}
