/**
 * `leveredge serve` on the hardened sample: how soon it is ready, what it keeps in
 * memory while nothing happens, and how many requests a second it answers that
 * prove a token and read the store. Prints each beside its limit; a server of bare
 * Node under the same load tells what the machine gives at that moment.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { z } from "zod";

import { median } from "./measure.ts";
import {
  findFreePort,
  leveredge,
  load,
  print,
  startServer,
  stop,
  track,
  waitUntilAnswered,
  withState,
} from "./server-under-load.ts";

const readyLimitMs = 3_000;
const idleLimitMb = 150;
const readsLimit = 2_000;

const runs = 3;
const idleMs = 5_000;
/** The first reads its caller's token and user alone, the second a table too. */
const paths = ["/me", "/runs?limit=1"];

const bareServer = `
  const answer = (_, reply) => reply.setHeader("content-type", "application/json").end('{"runs":[]}');
  require("node:http").createServer(answer).listen(Number(process.argv[1]), "127.0.0.1");`;

await withState(async (state) => {
  const config = join(state, "bench.yaml");
  await measure(await prepare(state, config), { state, config });
});

/** The hardened sample, and a token of somebody who may read. */
async function prepare(state: string, config: string): Promise<string> {
  leveredge(["start", "--exit", "--quiet", "--state", state]);
  const sample = await readFile(join(state, "sample", "leveredge.yaml"), "utf8");
  // The listener's port is fixed: another server of this machine may have it.
  await writeFile(config, sample.replace("listen: true", "listen: false"));
  const store = ["--state", state, "--config", config, "--json"];
  leveredge(["users", "create", "bench", "--role", "viewer", ...store]);
  const created = leveredge(["tokens", "create", "--user", "bench", "--name", "bench", ...store]);
  return z.object({ token: z.string() }).parse(JSON.parse(created)).token;
}

async function measure(token: string, place: { state: string; config: string }): Promise<void> {
  const starts: number[] = [];
  const port = await findFreePort();
  for (let run = 1; run < runs; run += 1) {
    const { child, readyMs } = await startServer(port, place);
    starts.push(readyMs);
    await stop(child);
  }
  const { child, readyMs } = await startServer(port, place);
  const ready = median([...starts, readyMs]);
  print("ready", `${(ready / 1000).toFixed(2)} s`, `${readyLimitMs / 1000} s`, ready / readyLimitMs);

  await delay(idleMs);
  const idleMb = await readResidentMb(child);
  print("idle memory", `${idleMb.toFixed(0)} MB`, `${idleLimitMb} MB`, idleMb / idleLimitMb);

  const origin = `http://127.0.0.1:${port}`;
  const rates = paths.map((path) => {
    load(`${origin}${path}`, token);
    return { path, reads: median(Array.from({ length: runs }, () => load(`${origin}${path}`, token))) };
  });
  for (const { path, reads } of rates) {
    print(`GET ${path}`, `${reads.toFixed(0)} reads/s`, `at least ${readsLimit}/s`, reads / readsLimit);
  }
  const loadedMb = await readResidentMb(child);
  console.log(`memory after the load: ${loadedMb.toFixed(0)} MB`);
  await stop(child);

  const bare = track(spawn(process.execPath, ["--eval", bareServer, String(port)], { stdio: "inherit" }));
  await waitUntilAnswered(bare, `${origin}/`);
  const bareReads = load(`${origin}/`, token);
  const ratios = rates.map(({ path, reads }) => `GET ${path} ${(reads / bareReads).toFixed(2)}`);
  console.log(`bare Node without a store: ${bareReads.toFixed(0)}/s, ratios ${ratios.join(", ")}`);
}

/** Of the server's own process; PostgreSQL is others. */
async function readResidentMb({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
