/** How long the program takes to answer: `--help` and `--version` against their limit, and against Node alone. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { programRoot } from "#config/state-directory.ts";

import { median, timeMs } from "./measure.ts";

const limitMs = 400;
const runs = 9;

const launcher = join(programRoot, "bin", "leveredge");
const runOnce = (program: string, args: string[]): void => void spawnSync(program, args, { timeout: 20_000 });

runOnce(launcher, ["--help"]);
for (const flag of ["--help", "--version"]) {
  const ours: number[] = [];
  const node: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    ours.push(await timeMs(() => runOnce(launcher, [flag])));
    node.push(await timeMs(() => runOnce(process.execPath, ["--eval", "0"])));
  }
  const [own, bare] = [median(ours), median(node)];
  console.log(
    `leveredge ${flag}: ${own.toFixed(0)} ms, limit ${limitMs} ms, ratio ${(own / limitMs).toFixed(2)}; bare Node ${bare.toFixed(0)} ms, ratio ${(own / bare).toFixed(2)}`,
  );
}
