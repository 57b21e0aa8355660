import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { domains } from "#domains.ts";
import type { Secret } from "#secrets/secret.ts";
import { testActors } from "#test/actors.ts";
import { testOwnedApp } from "#test/app.ts";

import { serve } from "./serve.ts";

type Served = { url: string; app: App; ownerUrl: Secret; lines: string[]; stop(): Promise<void> };

/** Serves on a free port until it is stopped, at the latest at the end of the test. */
async function serveTest(t: TestContext): Promise<Served> {
  const { app: unstoppable, ownerUrl } = await testOwnedApp(t);
  const stopping = new AbortController();
  const app = { ...unstoppable, signal: stopping.signal };
  const lines: string[] = [];
  const ready = Promise.withResolvers<string>();
  const ended = serve(app, domains, {
    port: 0,
    ownerUrl,
    logTo: { write: (line) => lines.push(line) },
    onReady: ({ url }) => ready.resolve(url),
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  t.after(stop);
  return { url: await Promise.race([ready.promise, ended.then(() => "")]), app, ownerUrl, lines, stop };
}

async function ask(url: string, token?: string): Promise<{ status: number; text: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(url, { headers });
  return { status: answer.status, text: await answer.text() };
}

test("a server is ready, counts what Prometheus reads, shows a start page, and closes when it is told", async (t) => {
  const { url, app, lines, stop } = await serveTest(t);
  const { viewer } = await testActors(app);

  const ready = await ask(`${url}/readyz`);
  const metrics = await ask(`${url}/metrics`, viewer);
  const page = await ask(`${url}/`, viewer);
  const status = await ask(`${url}/status`, viewer);

  assert.deepEqual(ready, { status: 200, text: '{"status":"ready"}' });
  assert.match(
    metrics.text,
    /^leveredge_http_request_duration_seconds_count\{method="GET",route="\/readyz",status="200"\} 1$/m,
  );
  assert.match(metrics.text, /^leveredge_store_connections\{application="leveredge"\} [1-9]/m);
  assert.match(metrics.text, /^leveredge_checks\{domain="/m);
  assert.match(page.text, /<h1>Test<\/h1>[^]*signed in as user:viewer/);
  assert.equal(status.status, 200, status.text);
  await stop();
  await assert.rejects(fetch(`${url}/healthz`));
  assert.ok(!lines.join("").includes('"where"'), lines.join(""));
});

test("Prometheus reads what became of the calls that were told, and what the month cost", async (t) => {
  const { url, app } = await serveTest(t);
  const { viewer, agent } = await testActors(app);
  const call = {
    agent_name: "CHIRON",
    model: "gpt-4o-mini",
    provider: "openai",
    input_tokens: 1000,
    output_tokens: 100,
  };
  const calls = [
    { ...call, idempotency_key: "one" },
    { ...call, idempotency_key: "one" },
    { ...call, model: "in-house-7b", provider: undefined },
    { ...call, input_tokens: -1 },
  ];

  const told = await fetch(`${url}/usage`, {
    method: "POST",
    headers: { authorization: `Bearer ${agent}`, "content-type": "application/json" },
    body: JSON.stringify({ calls }),
  });
  const metrics = await ask(`${url}/metrics`, viewer);

  assert.equal(told.status, 200);
  const ours = metrics.text.split("\n").filter((line) => line.startsWith("leveredge_usage_"));
  assert.deepEqual(ours, [
    'leveredge_usage_calls_total{source="api",state="recorded"} 2',
    'leveredge_usage_calls_total{source="api",state="duplicate"} 1',
    'leveredge_usage_calls_total{source="api",state="rejected"} 1',
    "leveredge_usage_waiting_calls 0",
    'leveredge_usage_month_cost_usd{environment="prod"} 0.00021',
    'leveredge_usage_month_calls{environment="prod"} 2',
    'leveredge_usage_month_unpriced_calls{environment="prod"} 1',
  ]);
});

test("a second server on the port is refused by the name of the first, before it touches a job", async (t) => {
  const { url, app, ownerUrl } = await serveTest(t);
  const port = Number(new URL(url).port);

  const second = serve(app, [], { port, ownerUrl, logTo: { write: () => undefined } });

  await assert.rejects(second, {
    code: "unavailable",
    message: `port ${port} is taken by the LeverEdge server with pid ${process.pid}`,
  });
  assert.equal((await ask(`${url}/readyz`)).status, 200);
});

test("a stop ends the event streams that are open", async (t) => {
  const { url, app, stop } = await serveTest(t);
  const { viewer } = await testActors(app);
  const { rows } = await sql<{ id: string }>`
    insert into hardening_run (platform, config_sha256, program_version, requested_by, lease_owner, lease_until)
    values ('Test', ${"0".repeat(64)}, '1.0.0', 'test', 'test', now() + interval '1 hour')
    returning id`.execute(app.db);
  const headers = { authorization: `Bearer ${viewer}` };
  const stream = await fetch(`${url}/runs/${rows[0]?.id}/progress`, { headers });
  assert.ok(stream.body);
  const parts: string[] = [];

  for await (const part of stream.body.pipeThrough(new TextDecoderStream())) {
    parts.push(part);
    await stop();
  }

  assert.match(parts.join(""), /"state":"running"/);
});
