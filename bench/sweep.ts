/**
 * A sweep: 1,000 credentials of 20 providers that answer after 200 ms, eight at a time
 * per host, in a store that is durable. The limit is what latency and concurrency set,
 * and is measured in the same run: the same requests by undici alone, kept nowhere.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

import { Agent, request } from "undici";
import { z } from "zod";

import type { App } from "#app.ts";
import { programRoot } from "#config/state-directory.ts";
import { sweepCredentials, withCheckTools } from "#domains/credentials/sweep.ts";

import { openApp } from "../bin/open-app.ts";
import { median, timeMs } from "./measure.ts";
import { print, track, withState } from "./server-under-load.ts";

const providers = 20;
const credentials = 1_000;
const atOnce = 8;
const answerMs = 200;
const rounds = 5;
const ratioLimit = 1.15;
const memoryLimitMb = 200;
const lookEveryMs = 20;
const startTimeoutMs = 120_000;

const perProvider = credentials / providers;

await withState(async (state) => {
  const ports = await startScene(state);
  const config = join(state, "bench.yaml");
  const app = await openApp({ state, config, json: false, color: false, quiet: true }, new AbortController().signal);
  try {
    await measureMemory(state, config);
    await measure(app, ports);
  } finally {
    await app.close();
  }
});

async function measure(app: App, ports: readonly number[]): Promise<void> {
  const pairs: { ours: number; limit: number }[] = [];
  // The first round opens connections and compiles: it is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const limit = await timeAll(() => askPlainly(ports));
    const ours = await timeAll(() => sweep(app));
    if (round > 0) pairs.push({ ours: ours.ms, limit: limit.ms });
    const name = round === 0 ? "first" : `pair ${round}`;
    console.log(`${name}: ours ${describeTime(ours)}, the requests alone ${describeTime(limit)}`);
  }
  const [ours, limit] = [median(pairs.map((pair) => pair.ours)), median(pairs.map((pair) => pair.limit))];
  const ratio = median(pairs.map((pair) => pair.ours / pair.limit));
  print(`sweep of ${credentials} credentials`, `${ours.toFixed(0)} ms`, `${limit.toFixed(0)} ms`, ratio);
  const waves = perProvider / atOnce;
  console.log(
    `at most ${ratioLimit}; ${Math.ceil(waves)} waves of ${answerMs} ms are ${Math.ceil(waves) * answerMs} ms, ` +
      `${credentials}/${providers}/${atOnce} of them ${waves * answerMs} ms`,
  );
}

type Time = { ms: number; cpuMs: number };

/** With the processor time of this process: where it is scarce, that is the limit. */
async function timeAll(work: () => Promise<void>): Promise<Time> {
  const before = process.cpuUsage();
  const ms = await timeMs(work);
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1000 };
}

function describeTime({ ms, cpuMs }: Time): string {
  return `${ms.toFixed(0)} ms (processor ${cpuMs.toFixed(0)} ms)`;
}

/** Of the program itself, from its start to its end. */
async function measureMemory(state: string, config: string): Promise<void> {
  const args = ["credentials", "check", "--force", "--json", "--quiet", "--state", state, "--config", config];
  const child = track(spawn(join(programRoot, "bin", "leveredge"), args, { stdio: "ignore" }));
  let peakMb = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peakMb = Math.max(peakMb, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
    await delay(lookEveryMs);
  }
  if (child.exitCode !== 0) throw new Error(`leveredge credentials check ended with ${child.exitCode}`);
  print(
    "peak memory of leveredge credentials check",
    `${peakMb.toFixed(0)} MB`,
    `${memoryLimitMb} MB`,
    peakMb / memoryLimitMb,
  );
}

async function sweep(app: App): Promise<void> {
  const work = { requestedBy: "bench", signal: app.signal, progress: () => undefined, force: true };
  const { verdicts } = await withCheckTools(app, (tools) => sweepCredentials(app, tools, work));
  if (verdicts.valid !== credentials) throw new Error(`not all are valid: ${JSON.stringify(verdicts)}`);
}

/** The same requests at the same concurrency, and nothing else. */
async function askPlainly(ports: readonly number[]): Promise<void> {
  const dispatcher = new Agent({ connections: atOnce, pipelining: 1 });
  const lanes = ports.flatMap((port) => {
    let left = perProvider;
    return Array.from({ length: atOnce }, async () => {
      for (; left > 0;) {
        left -= 1;
        const { body } = await request(`http://127.0.0.1:${port}/me`, { dispatcher });
        await body.text();
      }
    });
  });
  await Promise.all(lanes);
  await dispatcher.destroy();
}

/** Started with the credentials in place; answers the ports of the services. */
async function startScene(state: string): Promise<number[]> {
  const file = join(import.meta.dirname, "sweep-scene.ts");
  const numbers = [providers, credentials, answerMs].map(String);
  const child = spawn(process.execPath, [file, state, ...numbers], { stdio: ["pipe", "pipe", "inherit"] });
  track(child);
  const signal = AbortSignal.timeout(startTimeoutMs);
  const [line] = await once(createInterface({ input: child.stdout }), "line", { signal });
  return z.array(z.int()).parse(JSON.parse(String(line)));
}
