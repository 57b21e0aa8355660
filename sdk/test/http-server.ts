/** HTTP servers of a test's own, over real sockets: a provider with recorded answers, and a ledger that keeps what arrives. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { type TestContext } from "node:test";

import { type Call, UsageClient, type UsageClientOptions } from "../src/usage.ts";

export type RecordedAnswer = {
  status?: number;
  type?: "application/json" | "text/event-stream";
  /** Sent one by one. */
  chunks: string[];
  /** Stays open after the chunks, until the caller goes. */
  isOpen?: boolean;
};

export type Provider = {
  origin: string;
  /** The next answers; the last is repeated. */
  answers: RecordedAnswer[];
  requests: { path: string; body: string }[];
  /** Resolves when a caller has gone before its answer was complete. */
  left: Promise<void>;
};

/** Answers every request with what it was told. */
export async function startProvider(t: TestContext, ...answers: RecordedAnswer[]): Promise<Provider> {
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => (leave = resolve));
  const provider: Provider = { origin: "", answers, requests: [], left };
  provider.origin = await listen(t, async (request, response) => {
    provider.requests.push({ path: request.url ?? "", body: await readBody(request) });
    const answer = provider.answers.length > 1 ? provider.answers.shift() : provider.answers[0];
    if (answer === undefined) throw new Error("this provider has no answer");
    response.on("close", () => {
      if (!response.writableFinished) leave();
    });
    response.writeHead(answer.status ?? 200, { "content-type": answer.type ?? "application/json" });
    for (const chunk of answer.chunks) {
      response.write(chunk);
      await new Promise(setImmediate);
    }
    if (answer.isOpen !== true) response.end();
  });
  return provider;
}

export type LedgerAnswer = { status: number; body?: unknown; headers?: Record<string, string> };

export type Ledger = {
  url: string;
  /** Everything that arrived, in order, however it was answered. */
  calls: Call[];
  batches: Call[][];
  tokens: (string | undefined)[];
  /** Resolves once so many calls have arrived. */
  received(count: number): Promise<Call[]>;
};

export const ledgerToken = "lev_test_token";

/** Stands where LeverEdge's server is: takes everything, or answers as it is told. A promise may keep it waiting. */
export async function startLedger(
  t: TestContext,
  answer: (calls: Call[], request: number) => LedgerAnswer | Promise<LedgerAnswer> = takeAll,
): Promise<Ledger> {
  const waiting: { count: number; resolve: () => void }[] = [];
  const ledger: Ledger = {
    url: "",
    calls: [],
    batches: [],
    tokens: [],
    async received(count) {
      if (ledger.calls.length < count) await new Promise<void>((resolve) => waiting.push({ count, resolve }));
      return ledger.calls;
    },
  };
  ledger.url = await listen(t, async (request, response) => {
    const body: unknown = JSON.parse(await readBody(request));
    // This is the client's own form, which the tests look at.
    const { calls } = body as { calls: Call[] };
    ledger.tokens.push(request.headers.authorization);
    ledger.batches.push(calls);
    ledger.calls.push(...calls);
    for (const { count, resolve } of waiting) if (ledger.calls.length >= count) resolve();
    const { status, body: answered, headers } = await answer(calls, ledger.batches.length);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(answered ?? {}));
  });
  return ledger;
}

/** Receipts as the server gives them. */
export function takeAll(calls: Call[]): LedgerAnswer {
  return {
    status: 200,
    body: { receipts: calls.map((_, index) => ({ index, state: "recorded", id: `id-${index}` })) },
  };
}

/** A client that sends at once, without a directory unless it is given one; closed after the test. */
export function openClient(t: TestContext, url: string, options: Partial<UsageClientOptions> = {}): UsageClient {
  const client = new UsageClient({ url, token: ledgerToken, spoolDirectory: false, gatherMs: 1, ...options });
  t.after(() => client.close());
  return client;
}

async function listen(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<string> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // A server that listens on a port has such an address.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
