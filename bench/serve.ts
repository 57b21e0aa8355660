/**
 * `leveredge serve` on the hardened sample: how soon it is ready, what it keeps in
 * memory while nothing happens, and how many requests a second it answers that
 * prove a token and read the store. Prints each beside its limit; a server of bare
 * Node under the same load tells what the machine gives at that moment.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { z } from "zod";

import { programRoot } from "#config/state-directory.ts";
import { findPlace, listServerNames } from "#store/server-place.ts";

import { median, timeMs } from "./measure.ts";

const readyLimitMs = 3_000;
const idleLimitMb = 150;
const readsLimit = 2_000;

const runs = 3;
const idleMs = 5_000;
const askEveryMs = 10;
const startTimeoutMs = 60_000;
const connections = 32;
const loadSeconds = 5;
/** The first reads its caller's token and user alone, the second a table too. */
const paths = ["/me", "/runs?limit=1"];

const bareServer = `
  const answer = (_, reply) => reply.setHeader("content-type", "application/json").end('{"runs":[]}');
  require("node:http").createServer(answer).listen(Number(process.argv[1]), "127.0.0.1");`;

const launcher = join(programRoot, "bin", "leveredge");
const state = await mkdtemp(join(tmpdir(), "leveredge-bench-"));
const config = join(state, "bench.yaml");
const running = new Set<ChildProcess>();
try {
  const token = await prepare();
  await measure(token);
} finally {
  for (const child of running) await stop(child);
  for (const name of await listServerNames(state)) {
    const place = await findPlace({ directory: state, name });
    if (place !== undefined) await rm(place.home, { recursive: true, force: true });
  }
  await rm(state, { recursive: true, force: true });
}

/** The hardened sample, and a token of somebody who may read. */
async function prepare(): Promise<string> {
  leveredge(["start", "--exit", "--quiet", "--state", state]);
  const sample = await readFile(join(state, "sample", "leveredge.yaml"), "utf8");
  // The listener's port is fixed: another server of this machine may have it.
  await writeFile(config, sample.replace("listen: true", "listen: false"));
  const store = ["--state", state, "--config", config, "--json"];
  leveredge(["users", "create", "bench", "--role", "viewer", ...store]);
  const created = leveredge(["tokens", "create", "--user", "bench", "--name", "bench", ...store]);
  return z.object({ token: z.string() }).parse(JSON.parse(created)).token;
}

async function measure(token: string): Promise<void> {
  const starts: number[] = [];
  const port = await findFreePort();
  for (let run = 1; run < runs; run += 1) {
    const { child, readyMs } = await startServer(port);
    starts.push(readyMs);
    await stop(child);
  }
  const { child, readyMs } = await startServer(port);
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

function print(title: string, figure: string, limit: string, ratio: number): void {
  console.log(`${title}: ${figure}, limit ${limit}, ratio ${ratio.toFixed(2)}`);
}

/** Started with the store's server down: its start is a part of the time. */
async function startServer(port: number): Promise<{ child: ChildProcess; readyMs: number }> {
  const args = ["serve", "--quiet", "--port", String(port), "--state", state, "--config", config];
  const begun: ChildProcess[] = [];
  const readyMs = await timeMs(async () => {
    const child = track(spawn(launcher, args, { stdio: "ignore" }));
    begun.push(child);
    await waitUntilAnswered(child, `http://127.0.0.1:${port}/readyz`);
  });
  const [child] = begun;
  if (child === undefined) throw new Error("the server was not started");
  return { child, readyMs };
}

async function waitUntilAnswered(child: ChildProcess, url: string): Promise<void> {
  const signal = AbortSignal.timeout(startTimeoutMs);
  while (!(await isAnswered(url, signal))) {
    if (child.exitCode !== null) throw new Error(`the server of ${url} ended with ${child.exitCode}`);
    signal.throwIfAborted();
    await delay(askEveryMs);
  }
}

function isAnswered(url: string, signal: AbortSignal): Promise<boolean> {
  return fetch(url, { signal }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Requests a second; throws when one was not answered with success. */
function load(url: string, token: string): number {
  const args = [`-c${connections}`, "-t1", `-d${loadSeconds}s`, "-H", `Authorization: Bearer ${token}`, url];
  const { stdout } = spawnSync("wrk", args, { encoding: "utf8", timeout: startTimeoutMs });
  const rate = /Requests\/sec: +([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk says: ${stdout}`);
  return Number(rate);
}

/** Of the server's own process; PostgreSQL is others. */
async function readResidentMb({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a listening server has no port");
  return address.port;
}

function leveredge(args: string[]): string {
  const { status, stdout, stderr } = spawnSync(launcher, args, { encoding: "utf8", timeout: 3 * startTimeoutMs });
  if (status !== 0) throw new Error(`leveredge ${args[0]} ended with ${status}: ${stderr}`);
  return stdout;
}

function track(child: ChildProcess): ChildProcess {
  running.add(child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null) return;
  child.kill();
  await once(child, "exit");
}
