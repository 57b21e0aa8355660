import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { runProgram } from "#system/run.ts";

import {
  findClimbingImports,
  findForbiddenNames,
  findInexactVersions,
  findLongFiles,
  findStrayConsole,
  findStrayEnvironment,
  findStrayExits,
  findStraySql,
} from "./guards.ts";
import { readSourceFiles, type SourceFile } from "./source-files.ts";

const files = readSourceFiles();
const packageJson = JSON.parse(readFileSync(join(programRoot, "package.json"), "utf8"));

function file(path: string, text: string): SourceFile {
  return { path, text };
}

test("no file has a name that says nothing", () => {
  const paths = globSync("{src,bin,scripts,sample,test,bench,docs,migrations,templates,sdk}/**/*", {
    cwd: programRoot,
  });

  assert.ok(paths.length > 50);
  assert.deepEqual(findForbiddenNames(paths), []);
  assert.deepEqual(
    findForbiddenNames(["a/index.ts", "a/utils.ts", "a/user.service.ts", "a/x-impl.ts", "a/databases.ts"]),
    ["a/index.ts", "a/utils.ts", "a/user.service.ts", "a/x-impl.ts"],
  );
});

test("no file is longer than 500 lines", () => {
  assert.deepEqual(findLongFiles(files), []);
  assert.deepEqual(findLongFiles([file("a.ts", "\n".repeat(500))]), ["a.ts"]);
});

test("imports inside src never climb", () => {
  assert.deepEqual(findClimbingImports(files), []);
  assert.deepEqual(findClimbingImports([file("src/a/b.ts", 'import { x } from "../c.ts";')]), ["src/a/b.ts:1"]);
  assert.deepEqual(findClimbingImports([file("src/a/b.ts", 'await import("../c.ts")')]), ["src/a/b.ts:1"]);
});

test("SQL stands in the store and in files of queries", () => {
  assert.deepEqual(findStraySql(files), []);
  for (const text of ["sql`select 1`", "await client.query(text)", "client.query<Row>(", "sql<Row>`select`"]) {
    assert.deepEqual(findStraySql([file("src/domains/a/b.ts", text)]), ["src/domains/a/b.ts:1"], text);
    assert.deepEqual(findStraySql([file("src/domains/a/b-queries.ts", text)]), []);
    assert.deepEqual(findStraySql([file("src/store/a.ts", text)]), []);
  }
});

test("the environment is read in src/config alone", () => {
  assert.deepEqual(findStrayEnvironment(files), []);
  assert.deepEqual(findStrayEnvironment([file("scripts/a.ts", "\nprocess.env.X")]), ["scripts/a.ts:2"]);
});

test("the process is ended in bin alone", () => {
  assert.deepEqual(findStrayExits(files), []);
  assert.deepEqual(findStrayExits([file("src/cli/a.ts", "process.exit(1)")]), ["src/cli/a.ts:1"]);
});

test("nothing is printed past the command line", () => {
  assert.deepEqual(findStrayConsole(files), []);
  assert.deepEqual(findStrayConsole([file("src/store/a.ts", "console.log(1)")]), ["src/store/a.ts:1"]);
});

test("every package has one exact version", () => {
  const { dependencies, devDependencies, optionalDependencies } = packageJson;

  assert.deepEqual(findInexactVersions({ ...dependencies, ...devDependencies, ...optionalDependencies }), []);
  assert.deepEqual(findInexactVersions({ a: "^1.0.0", b: "1.x", c: "npm:@x/y@~1.0.0", d: "1.2.3-beta.4" }), [
    "a ^1.0.0",
    "b 1.x",
    "c npm:@x/y@~1.0.0",
  ]);
});

test("generated files are current", async () => {
  const ran = await runProgram(process.execPath, ["scripts/generate.ts", "--check"], {
    timeoutMs: 120_000,
    cwd: programRoot,
    accept: [0, 1],
  });

  assert.deepEqual({ exitCode: ran.exitCode, stderr: ran.stderr }, { exitCode: 0, stderr: "" });
});

test("tests, npm scripts and the installed script run on the pinned Node 24", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "leveredge-npm-"));
  t.after(() => rmSync(home, { recursive: true }));
  const ran = await runProgram("npm", ["run", "--silent", "leveredge", "--", "--version"], {
    timeoutMs: 60_000,
    cwd: programRoot,
    env: { HOME: home },
  });

  assert.equal(process.versions.node.split(".")[0], "24");
  assert.ok(process.execPath.startsWith(join(programRoot, "node_modules")), process.execPath);
  // The program itself refuses every other major version.
  assert.equal(ran.stdout, `${packageJson.version}\n`);
  for (const [name, version] of Object.entries<string>(packageJson.optionalDependencies)) {
    if (name.startsWith("node-")) assert.match(version, /^24\./, name);
  }
  const script = readFileSync(join(programRoot, "scripts/sync-schema.sh"), "utf8");
  assert.match(script, /^exec @node@ /m);
});
