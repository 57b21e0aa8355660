/** `npm start -- --exit` on a new state directory and again on the same one, against their limits. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programRoot } from "#config/state-directory.ts";
import { findPlace, listServerNames } from "#store/server-place.ts";

import { timeMs } from "./measure.ts";

const limits = [
  { title: "first start", limitMs: 30_000 },
  { title: "second start", limitMs: 10_000 },
];

const state = await mkdtemp(join(tmpdir(), "leveredge-bench-"));
try {
  for (const { title, limitMs } of limits) {
    const took = await timeMs(start);
    console.log(
      `${title}: ${(took / 1000).toFixed(1)} s, limit ${limitMs / 1000} s, ratio ${(took / limitMs).toFixed(2)}`,
    );
  }
} finally {
  for (const name of await listServerNames(state)) {
    const place = await findPlace({ directory: state, name });
    if (place !== undefined) await rm(place.home, { recursive: true, force: true });
  }
  await rm(state, { recursive: true, force: true });
}

function start(): void {
  const args = ["start", "--silent", "--", "--exit", "--quiet", "--state", state];
  const { status, stderr } = spawnSync("npm", args, { cwd: programRoot, encoding: "utf8", timeout: 120_000 });
  if (status !== 0) throw new Error(`npm start ended with ${status}: ${stderr}`);
}
