import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import OpenAI from "openai";

import { type Ledger, ledgerToken, openClient, startLedger, startProvider, takeAll } from "../test/http-server.ts";
import { openAiChat } from "../test/recorded-answers.ts";
import { type Call, CostTracker, type Problem, track, UsageClient } from "./usage.ts";

/** Removed when every client is closed. */
const scratch = mkdtempSync(join(tmpdir(), "leveredge-spool-"));
after(() => rmSync(scratch, { recursive: true }));

const nowhere = "http://127.0.0.1:9";

function makeDirectory(): string {
  return mkdtempSync(join(scratch, "spool-"));
}

function call(index: number): Call {
  return { agent_name: "A", model: "m", input_tokens: index, output_tokens: 1, idempotency_key: `key-${index}` };
}

function keys(calls: readonly Call[]): string[] {
  return [...new Set(calls.map(({ idempotency_key = "" }) => idempotency_key))].toSorted();
}

function expectedKeys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `key-${index}`).toSorted();
}

function readSpool(directory: string): string[] {
  const files = readdirSync(directory).filter((name) => name !== "rejected.jsonl");
  return files.flatMap((name) => readFileSync(join(directory, name), "utf8").split("\n").filter(Boolean));
}

async function waitUntil(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await delay(5);
}

async function startChild(t: TestContext, ...args: string[]): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, "../test/recording-child.ts"), args, { stdio: "inherit" });
  t.after(() => child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

test("calls go in batches of at most five hundred, each with its key and time, under the token", async (t) => {
  const ledger = await startLedger(t);
  const client = openClient(t, ledger.url, { environment: "prod" });

  for (let index = 0; index < 1_250; index += 1) client.record({ ...call(index), idempotency_key: undefined });
  await client.flush();

  assert.deepEqual(
    ledger.batches.map(({ length }) => length),
    [500, 500, 250],
  );
  assert.equal(keys(ledger.calls).length, 1_250);
  assert.ok(ledger.calls.every(({ created_at, environment }) => created_at !== undefined && environment === "prod"));
  assert.deepEqual(new Set(ledger.tokens), new Set([`Bearer ${ledgerToken}`]));
});

test("calls of a program's first turn are on their way without being asked for", async (t) => {
  const directory = makeDirectory();
  const ledger = await startLedger(t);
  const client = openClient(t, ledger.url, { spoolDirectory: directory });

  for (let index = 0; index < 250; index += 1) client.record(call(index));
  await ledger.received(250);
  await waitUntil(() => readdirSync(directory).length === 0);

  assert.deepEqual(keys(ledger.calls), expectedKeys(250));
});

test("a measured call is over before the ledger answers, and a ledger that hangs is left", async (t) => {
  const order: string[] = [];
  let answer = (): void => undefined;
  const isAnswered = new Promise<void>((resolve) => (answer = resolve));
  const ledger = await startLedger(t, async (calls) => {
    await isAnswered;
    order.push("ledger answers");
    return takeAll(calls);
  });
  const provider = await startProvider(t, openAiChat.json);
  const usage = openClient(t, ledger.url, { timeoutMs: 60_000 });
  const client = track(new OpenAI({ apiKey: "k", baseURL: `${provider.origin}/v1` }), { usage, agent: "A" });
  const ask = (): Promise<unknown> => client.chat.completions.create({ model: "gpt-5", messages: [] });

  await ask();
  await ledger.received(1);
  await ask();
  order.push("second call is over");
  answer();
  await usage.flush();

  assert.deepEqual(order.slice(0, 2), ["second call is over", "ledger answers"]);
  assert.equal(ledger.calls.length, 2);
});

test("what the server does not take is tried again with the same keys, after the pause that it asks for", async (t) => {
  const ledger = await startLedger(t, (calls, request) => {
    if (request === 1) return { status: 503, headers: { "retry-after": "0" } };
    return request === 2 ? { status: 429, headers: { "retry-after": "0" } } : takeAll(calls);
  });
  const problems: Problem[] = [];
  const client = openClient(t, ledger.url, { retryMs: 1, onProblem: (problem) => problems.push(problem) });

  client.record({ ...call(1), idempotency_key: undefined });
  await ledger.received(3);

  assert.equal(keys(ledger.calls).length, 1);
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ["unreachable"],
  );
});

test("a server that asks for an hour is not asked again by itself", async (t) => {
  const ledger = await startLedger(t, () => ({ status: 429, headers: { "retry-after": "3600" } }));
  const directory = makeDirectory();
  const client = openClient(t, ledger.url, { retryMs: 1, spoolDirectory: directory, onProblem: () => undefined });

  client.record(call(0));
  await waitUntil(() => readdirSync(directory).some((name) => name.endsWith(".ready.jsonl")));
  for (let index = 1; index <= 500; index += 1) client.record(call(index));
  await waitUntil(() => readdirSync(directory).filter((name) => name.endsWith(".ready.jsonl")).length === 2);

  assert.deepEqual([ledger.batches.length, readSpool(directory).length], [1, 501]);
});

test("a batch that is too large goes in halves, and a single call that is too large is kept beside the spool", async (t) => {
  const directory = makeDirectory();
  const ledger = await startLedger(t, (calls) =>
    calls.some(({ input_tokens }) => input_tokens === 5) ? { status: 413 } : takeAll(calls),
  );
  const problems: Problem[] = [];
  const client = openClient(t, ledger.url, {
    spoolDirectory: directory,
    onProblem: (problem) => problems.push(problem),
  });

  for (let index = 0; index < 8; index += 1) client.record(call(index));
  await client.flush();

  const taken = ledger.batches.filter((batch) => batch.every(({ input_tokens }) => input_tokens !== 5)).flat();
  assert.deepEqual(
    keys(taken),
    expectedKeys(8).filter((key) => key !== "key-5"),
  );
  assert.deepEqual(readdirSync(directory), ["rejected.jsonl"]);
  assert.match(readFileSync(join(directory, "rejected.jsonl"), "utf8"), /"reason":"status 413","call":\{.*"key-5"/);
  assert.equal(problems[0]?.kind, "rejected");
});

test("a call that the ledger refuses is kept with the reason, and the others are booked", async (t) => {
  const directory = makeDirectory();
  const ledger = await startLedger(t, (calls) => ({
    status: calls.length === 1 ? 422 : 200,
    body: {
      receipts: calls.map(({ model }, index) =>
        model === "" ? { index, state: "rejected", reason: "model is empty" } : { index, state: "recorded" },
      ),
    },
  }));
  const client = openClient(t, ledger.url, { spoolDirectory: directory, onProblem: () => undefined });

  client.record(call(1));
  client.record({ ...call(2), model: "" });
  await client.flush();
  client.record({ ...call(3), model: "" });
  await client.flush();

  const rejected = readFileSync(join(directory, "rejected.jsonl"), "utf8").trim().split("\n");
  assert.deepEqual(
    rejected.map((line) => [JSON.parse(line).reason, JSON.parse(line).call.idempotency_key]),
    [
      ["model is empty", "key-2"],
      ["model is empty", "key-3"],
    ],
  );
  assert.deepEqual(readSpool(directory), []);
});

test("a refused token keeps the calls, and no problem or file shows it", async (t) => {
  const directory = makeDirectory();
  let isAllowed = false;
  const ledger = await startLedger(t, (calls) => (isAllowed ? takeAll(calls) : { status: 401 }));
  const problems: Problem[] = [];
  const client = openClient(t, ledger.url, {
    spoolDirectory: directory,
    onProblem: (problem) => problems.push(problem),
  });

  client.record(call(0));
  await client.flush();
  const kept = readSpool(directory);
  isAllowed = true;
  await client.flush();

  assert.equal(kept.length, 1);
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ["refused"],
  );
  assert.ok(
    ![...kept, ...problems.map(({ message, cause }) => `${message} ${String(cause)}`)].join().includes(ledgerToken),
  );
  assert.deepEqual([keys(ledger.calls), readSpool(directory)], [["key-0"], []]);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test("a page of some other server in the place of receipts is no receipt", async (t) => {
  const directory = makeDirectory();
  const ledger = await startLedger(t, () => ({ status: 200, body: { welcome: true } }));
  const client = openClient(t, ledger.url, { spoolDirectory: directory, onProblem: () => undefined });

  client.record(call(0));
  await client.flush();

  assert.equal(readSpool(directory).length, 1);
});

test("calls of a killed process are sent by the next one, with the same keys, each once", async (t) => {
  const directory = makeDirectory();
  const child = await startChild(t, nowhere, directory, "0", "250");
  await waitUntil(() => readSpool(directory).length === 250);
  child.kill("SIGKILL");
  await once(child, "exit");

  const ledger = await startLedger(t);
  openClient(t, ledger.url, { spoolDirectory: directory });
  await ledger.received(250);
  await waitUntil(() => readdirSync(directory).length === 0);

  assert.equal(ledger.calls.length, 250);
  assert.deepEqual(keys(ledger.calls), expectedKeys(250));
});

test("two processes share a directory: everything arrives, and nothing is sent that is being sent", async (t) => {
  const directory = makeDirectory();
  const ledger = await startLedger(t);
  const children = await Promise.all([
    startChild(t, ledger.url, directory, "0", "300"),
    startChild(t, ledger.url, directory, "300", "300"),
  ]);

  await ledger.received(600);
  for (const child of children) {
    child.send("end");
    await once(child, "exit");
  }

  assert.equal(ledger.calls.length, 600);
  assert.deepEqual(keys(ledger.calls), expectedKeys(600));
  assert.deepEqual(readdirSync(directory), []);
});

test("a program that ends by itself sends what it has first", async (t) => {
  const directory = makeDirectory();
  const ledger = await startLedger(t);
  const child = await startChild(t, ledger.url, directory, "0", "3");

  child.send("end");
  const [code] = await once(child, "exit");

  assert.equal(code, 0);
  assert.deepEqual(keys(ledger.calls), expectedKeys(3));
});

test("half a line of a killed process is passed over, and a file of a host that is not seen waits until it is old", async (t) => {
  const directory = makeDirectory();
  const line = `${JSON.stringify(call(0))}\n`;
  writeFileSync(join(directory, "1700000000000-ax1.ready.jsonl"), `${line}{"agent_na`);
  const foreign = join(directory, "1700000000001-bx1.00000000-7-abcd1234.jsonl");
  writeFileSync(foreign, `${JSON.stringify(call(1))}\n`);
  const ledger = await startLedger(t);

  const client = openClient(t, ledger.url, { spoolDirectory: directory });
  await client.flush();
  const first = keys(ledger.calls);
  utimesSync(foreign, 1_700_000_000, 1_700_000_000);
  await client.flush();

  assert.deepEqual(first, ["key-0"]);
  assert.deepEqual(keys(ledger.calls), ["key-0", "key-1"]);
});

test("a spool that is full loses the newest calls and says so", async (t) => {
  const directory = makeDirectory();
  const problems: Problem[] = [];
  const client = openClient(t, nowhere, {
    spoolDirectory: directory,
    spoolMaxBytes: 300,
    onProblem: (problem) => problems.push(problem),
  });

  client.record(call(0));
  await client.flush();
  client.record(call(1));
  client.record(call(2));
  await client.flush();

  assert.deepEqual(
    readSpool(directory).map((line) => JSON.parse(line).idempotency_key),
    ["key-0"],
  );
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ["unreachable", "lost"],
  );
});

test("without a directory that can be written, calls wait in memory", async (t) => {
  let isThere = false;
  const ledger = await startLedger(t, (calls) => (isThere ? takeAll(calls) : { status: 503 }));
  const file = join(makeDirectory(), "file");
  writeFileSync(file, "");
  const kinds: string[] = [];
  const client = openClient(t, ledger.url, { spoolDirectory: file, onProblem: ({ kind }) => kinds.push(kind) });

  client.record(call(0));
  await client.flush();
  isThere = true;
  await client.flush();

  assert.deepEqual(kinds.toSorted(), ["spool", "unreachable"]);
  assert.deepEqual(ledger.batches.map(keys), [["key-0"], ["key-0"]]);
});

test("what cannot be recorded is told of, never thrown", async (t) => {
  const ledger: Ledger = await startLedger(t);
  const kinds: string[] = [];
  const client = openClient(t, ledger.url, {
    onProblem: ({ kind }) => {
      kinds.push(kind);
      throw new Error("a problem of its own");
    },
  });

  // A caller without types may do this.
  client.record({ ...call(0), tags: { big: 1n as unknown as string } });
  await client.close();
  client.record(call(1));

  assert.deepEqual(kinds, ["lost"]);
  assert.throws(() => new UsageClient({ url: "nowhere", token: "t" }), TypeError);
  assert.throws(() => new UsageClient({ url: nowhere, token: "a\nb" }), /^TypeError: the token .* not plain ASCII$/);
});

test("the specification's tracker logs its fields", async (t) => {
  const ledger = await startLedger(t);
  const tracker = new CostTracker(ledger.url, ledgerToken, { spoolDirectory: makeDirectory() });
  const logged = {
    agent_name: "CHIRON",
    model: "gpt-4o",
    input_tokens: 10,
    output_tokens: 5,
    context: "endpoint: /plan",
  };

  await tracker.log_usage({ ...logged, operation: "plan" });
  await tracker.logUsage(logged);
  await tracker.close();

  assert.deepEqual(
    ledger.calls.map(({ created_at: _at, idempotency_key: _key, ...fields }) => fields),
    [{ ...logged, operation: "plan" }, logged],
  );
});
