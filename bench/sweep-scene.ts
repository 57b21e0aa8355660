/**
 * What a sweep is measured against: services outside, each at a port of its own, that
 * answer every request after the given milliseconds; a configuration that names them;
 * a state directory with credentials of theirs. A process of its own, so that neither its
 * time nor its memory is the sweep's. It prints the ports when all is there, and ends
 * with whoever started it: `node sweep-scene.ts STATE SERVICES CREDENTIALS ANSWER_MS`.
 */
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { addCredential } from "#domains/credentials/credentials.ts";
import { NewCredential } from "#domains/credentials/schema.ts";

import { openApp } from "../bin/open-app.ts";

const lanes = 8;
const body = JSON.stringify({ account: "bench" });

const [state = "", ...numbers] = process.argv.slice(2);
const [services = 1, credentials = 1, answerMs = 0] = numbers.map(Number);
const root = join(state, "platform");
const config = join(state, "bench.yaml");

const ports = await Promise.all(Array.from({ length: services }, startService));
await mkdir(root);
await writeFile(config, JSON.stringify(describePlatform()));
await addCredentials();
console.log(JSON.stringify(ports));
process.stdin.on("end", () => process.kill(process.pid)).resume();

async function startService(): Promise<number> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
    setTimeout(() => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(body);
    }, answerMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server has an address with a port.
  return (server.address() as AddressInfo).port;
}

/** As JSON it is YAML, too. */
function describePlatform(): Record<string, unknown> {
  const outside = ports.map((port, place) => [nameOf(place), { url: `http://127.0.0.1:${port}`, allow_private: true }]);
  return {
    platform: { name: "Bench", root },
    providers: ports.map((_port, place) => describeProvider(place)),
    outside: Object.fromEntries(outside),
  };
}

function describeProvider(place: number): Record<string, unknown> {
  const step = {
    ...{ method: "GET", path: "/me", headers: { authorization: "Bearer {api_key}" } },
    rules: [{ status: [200], verdict: "valid" }],
    identity: { from: { path: "account" } },
  };
  return {
    ...{ name: nameOf(place), title: `Bench ${place}`, category: "generic", type: "api_key" },
    fields: { api_key: { type: "secret", required: true } },
    base_url: "https://bench.example",
    check: { kind: "http", steps: [step] },
  };
}

function nameOf(place: number): string {
  return `bench_${place % services}`;
}

async function addCredentials(): Promise<void> {
  const global = { state, config, json: false, color: false, quiet: true };
  const app = await openApp(global, new AbortController().signal);
  const places = Array.from({ length: credentials }, (_, place) => place).values();
  const lane = async (): Promise<void> => {
    for (const place of places) {
      const fields = { api_key: `bench-made-up-${String(place).padStart(40, "0")}` };
      const input = NewCredential.parse({ name: `c${place}`, provider: nameOf(place), fields });
      await addCredential(app, input, { name: "bench" });
    }
  };
  try {
    await Promise.all(Array.from({ length: lanes }, lane));
  } finally {
    await app.close();
  }
}
