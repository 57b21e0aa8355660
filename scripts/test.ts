/**
 * The whole check of this repository: types, lint, format, unused code,
 * then the tests on real PostgreSQL servers. `--long` runs the long tests
 * alone; file names run just those.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { programRoot } from "#config/state-directory.ts";
import { openScratch } from "./scratch.ts";
import { stopTestClusters } from "#test/database.ts";

type Stage = { title: string; words: string[]; timeoutMs: number };

const minute = 60_000;
const node = process.execPath;
const bin = (name: string): string => join(programRoot, "node_modules", ".bin", name);

const staticStages: Stage[] = [
  { title: "types", words: [bin("tsc")], timeoutMs: 5 * minute },
  { title: "lint", words: [bin("oxlint"), "--deny-warnings"], timeoutMs: 5 * minute },
  { title: "format", words: [bin("oxfmt"), "--check"], timeoutMs: minute },
  { title: "unused code", words: [bin("knip")], timeoutMs: 2 * minute },
];

const { values, positionals } = parseArgs({
  options: { long: { type: "boolean", default: false } },
  allowPositionals: true,
});
const isWhole = positionals.length === 0 && !values.long;
const scratch = openScratch();
const answers = [...(isWhole ? staticStages : []), testStage(scratch.directory)].map(runStage);
await stopTestClusters(scratch.directory);
scratch.close();
process.exitCode = answers.every(Boolean) ? 0 : 1;

function testStage(directory: string): Stage {
  const all = globSync("{src,bin,scripts,test,bench,sdk}/**/*.test.ts", { cwd: programRoot }).toSorted();
  const wanted = all.filter((file) => file.endsWith(".long.test.ts") === values.long);
  const files = positionals.length === 0 ? wanted : positionals;
  const timeoutMs = values.long ? 30 * minute : 5 * minute;
  return {
    title: values.long ? "long tests" : "tests",
    // Three files at a time for two cores: they wait for programs half of the time, and each has databases of its own.
    words: [
      ...["env", `TMPDIR=${directory}`, `NODE_COMPILE_CACHE=${join(directory, "compile-cache")}`, node, "--test"],
      ...["--test-reporter=spec", "--test-concurrency=3", `--test-timeout=${timeoutMs}`, ...files],
    ],
    timeoutMs: values.long ? 45 * minute : 20 * minute,
  };
}

function runStage({ title, words: [program = "", ...args], timeoutMs }: Stage): boolean {
  const startedAt = performance.now();
  const isTests = args.includes("--test");
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: programRoot,
    encoding: "utf8",
    stdio: isTests ? "inherit" : ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  const passed = status === 0;
  if (!passed && !isTests) console.error(`${stdout}${stderr}`);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.error(`${passed ? "✔" : "✖"} ${title} (${seconds} s)${error === undefined ? "" : `: ${error.message}`}`);
  return passed;
}
