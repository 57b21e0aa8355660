/**
 * A sweep: 1,000 credentials of 20 providers that answer after 200 ms, eight at a time
 * per host, in a store that is durable. The limit is what latency and concurrency set,
 * and is measured in the same run: the same requests by undici alone, kept nowhere.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Agent, request } from "undici";
import { z } from "zod";

import type { App } from "#app.ts";
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
const startTimeoutMs = 120_000;

const perProvider = credentials / providers;
const computedMs = Math.ceil(perProvider / atOnce) * answerMs;

await withState(async (state) => {
  const ports = await startScene(state);
  const global = { state, config: join(state, "bench.yaml"), json: false, color: false, quiet: true };
  const app = await openApp(global, new AbortController().signal);
  try {
    await measure(app, ports);
  } finally {
    await app.close();
  }
});

async function measure(app: App, ports: readonly number[]): Promise<void> {
  const pairs: { ours: number; limit: number }[] = [];
  // The first round opens connections and compiles: it is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const limit = await timeMs(() => askPlainly(ports));
    const ours = await timeMs(() => sweep(app));
    if (round > 0) pairs.push({ ours, limit });
    const name = round === 0 ? "first" : `pair ${round}`;
    console.log(`${name}: ours ${ours.toFixed(0)} ms, the requests alone ${limit.toFixed(0)} ms`);
  }
  const [ours, limit] = [median(pairs.map((pair) => pair.ours)), median(pairs.map((pair) => pair.limit))];
  const ratio = median(pairs.map((pair) => pair.ours / pair.limit));
  print(`sweep of ${credentials} credentials`, `${ours.toFixed(0)} ms`, `${limit.toFixed(0)} ms`, ratio);
  console.log(
    `at most ${ratioLimit}; ${Math.ceil(perProvider / atOnce)} waves of ${answerMs} ms are ${computedMs} ms, ` +
      `${perProvider}/${atOnce} of them ${(perProvider / atOnce) * answerMs} ms`,
  );
  const peakMb = process.resourceUsage().maxRSS / 1024;
  print("peak memory", `${peakMb.toFixed(0)} MB`, `${memoryLimitMb} MB`, peakMb / memoryLimitMb);
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
