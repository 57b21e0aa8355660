/** A server that takes calls in, over real HTTP, with its ledger in a store of the test's own. */
import type { TestContext } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { authenticate, sessionCookie } from "#domains/identity/identity.ts";
import { listIngestRoutes } from "#domains/ingest/routes.ts";
import { createLog } from "#http/log.ts";
import { createHttpServer } from "#http/server.ts";
import { nameStoreFault } from "#store/store-fault.ts";
import { type TestActors, testActors } from "#test/actors.ts";
import { testApp } from "#test/app.ts";

export type IngestServer = {
  url: string;
  app: App;
  tokens: TestActors;
  /** What the ledger holds, oldest first. */
  rows(): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
};

export type Answer = { status: number; headers: Headers; text: string; json: Record<string, unknown> };

export async function serveIngest(t: TestContext, settings: Record<string, unknown> = {}): Promise<IngestServer> {
  const app = await testApp(t, settings);
  const tokens = await testActors(app);
  const server = await createHttpServer({
    routes: listIngestRoutes(app),
    authenticate: (credentials) => authenticate(app, credentials),
    sessionCookie,
    version: app.programVersion,
    publicUrl: undefined,
    log: createLog({ write: (line) => line.length }),
    explain: nameStoreFault,
  });
  const close = async (): Promise<void> => {
    await server.close();
  };
  t.after(close);
  const url = await server.listen({ port: 0, host: "127.0.0.1" });
  return { url, app, tokens, rows: () => listRows(app), close };
}

/** `path` with a body as JSON, or as it is when it is bytes or text. */
export async function post(
  server: Pick<IngestServer, "url" | "tokens">,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${server.tokens.agent}`,
      "content-type": "application/json",
      ...headers,
    },
    body: isRaw ? (typeof body === "string" ? body : Buffer.from(body)) : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true && text !== "";
  // Each of our answers in JSON is an object or a list.
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
}

async function listRows({ db }: Pick<App, "db">): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<Record<string, unknown>>`select * from llm_usage order by created_at, id`.execute(db);
  return rows;
}
