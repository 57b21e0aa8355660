/** `leveredge serve` in a state directory of a benchmark's own, and wrk against it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { programRoot } from "#config/state-directory.ts";
import { findPlace, listServerNames } from "#store/server-place.ts";

import { timeMs } from "./measure.ts";

const askEveryMs = 10;
const startTimeoutMs = 60_000;
const connections = 32;
const loadSeconds = 5;
const launcher = join(programRoot, "bin", "leveredge");
const running = new Set<ChildProcess>();

/** Gives the work a state directory; afterwards every program that was tracked and every file is gone. */
export async function withState(work: (state: string) => Promise<void>): Promise<void> {
  const state = await mkdtemp(join(tmpdir(), "leveredge-bench-"));
  try {
    await work(state);
  } finally {
    for (const child of running) await stop(child);
    for (const name of await listServerNames(state)) {
      const place = await findPlace({ directory: state, name });
      if (place !== undefined) await rm(place.home, { recursive: true, force: true });
    }
    await rm(state, { recursive: true, force: true });
  }
}

/** Runs a command to its end; answers its stdout. */
export function leveredge(args: string[], input?: string): string {
  const given = input === undefined ? {} : { input };
  const { status, stdout, stderr } = spawnSync(launcher, args, {
    ...given,
    encoding: "utf8",
    timeout: 3 * startTimeoutMs,
  });
  if (status !== 0) throw new Error(`leveredge ${args[0]} ended with ${status}: ${stderr}`);
  return stdout;
}

/** Started with the store's server down: its start is a part of the time. */
export async function startServer(
  port: number,
  options: { state: string; config: string },
): Promise<{ child: ChildProcess; readyMs: number }> {
  const args = ["serve", "--quiet", "--port", String(port), "--state", options.state, "--config", options.config];
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

export async function waitUntilAnswered(child: ChildProcess, url: string): Promise<void> {
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

/** Requests a second; throws when one was not answered with success. `script` is a file for wrk that makes other requests than GET. */
export function load(url: string, token: string, script?: string): number {
  const scripted = script === undefined ? [] : ["-s", script];
  const header = ["-H", `Authorization: Bearer ${token}`];
  const args = [`-c${connections}`, "-t1", `-d${loadSeconds}s`, ...scripted, ...header, url];
  const { stdout } = spawnSync("wrk", args, { encoding: "utf8", timeout: startTimeoutMs });
  const rate = /Requests\/sec: +([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk says: ${stdout}`);
  return Number(rate);
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a listening server has no port");
  return address.port;
}

export function track(child: ChildProcess): ChildProcess {
  running.add(child);
  return child;
}

export async function stop(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null) return;
  child.kill();
  await once(child, "exit");
}

export function print(title: string, figure: string, limit: string, ratio: number): void {
  console.log(`${title}: ${figure}, limit ${limit}, ratio ${ratio.toFixed(2)}`);
}
