/**
 * Every benchmark of `bench/`, one after the other on a quiet machine: each prints
 * our figure beside its peer's or its limit, and the ratio. Names choose some:
 * `npm run bench -- rows`.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { programRoot } from "#config/state-directory.ts";
import { stopTestClusters } from "#test/database.ts";

const benchmarks = [
  "command",
  "start",
  "serve",
  "mirror",
  "rows",
  "drill",
  "vault",
  "sweep",
  "ingest",
  "cost-summary",
  "prices",
  "sdk",
];
const timeoutMs = 30 * 60_000;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !benchmarks.includes(name));
if (unknown.length > 0) {
  console.error(`error: no benchmark ${unknown.join(", ")}\nhint: Choose from ${benchmarks.join(", ")}.`);
  process.exitCode = 2;
} else {
  const answers = (asked.length === 0 ? benchmarks : asked).map(runBenchmark);
  await stopTestClusters();
  process.exitCode = answers.every(Boolean) ? 0 : 1;
}

function runBenchmark(name: string): boolean {
  console.log(`\n${name}`);
  const file = join(programRoot, "bench", `${name}.ts`);
  return spawnSync(process.execPath, [file], { cwd: programRoot, stdio: "inherit", timeout: timeoutMs }).status === 0;
}
