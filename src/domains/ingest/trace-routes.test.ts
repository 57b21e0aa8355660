import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { context, SpanKind, trace } from "@opentelemetry/api";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import protobuf from "protobufjs";

import { type IngestServer, post, serveIngest } from "#test/ingest-server.ts";

const path = "/v1/traces";
const usage = {
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o",
  "gen_ai.usage.input_tokens": 1000,
  "gen_ai.usage.output_tokens": 100,
};

/** What the SDK of OpenTelemetry sends when a program ends. */
async function exportSpans(server: IngestServer, compression: CompressionAlgorithm): Promise<void> {
  const exporter = new OTLPTraceExporter({
    url: `${server.url}${path}`,
    headers: { authorization: `Bearer ${server.tokens.agent}` },
    compression,
  });
  const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
  const tracer = provider.getTracer("test");
  const agent = tracer.startSpan("invoke_agent CHIRON", {
    attributes: { ...usage, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "CHIRON" },
  });
  const chat = tracer.startSpan(
    "chat gpt-4o",
    { kind: SpanKind.CLIENT, attributes: { ...usage, "gen_ai.operation.name": "chat" } },
    trace.setSpan(context.active(), agent),
  );
  chat.end();
  agent.end();
  tracer.startSpan("GET /").end();
  await provider.forceFlush();
  await provider.shutdown();
}

test("the SDK's exporter lands its inference spans, plain and gzipped, and the agent's sum is not booked", async (t) => {
  const server = await serveIngest(t);

  await exportSpans(server, CompressionAlgorithm.NONE);
  await exportSpans(server, CompressionAlgorithm.GZIP);

  const rows = await server.rows();
  assert.deepEqual(
    rows.map(({ agentName, model, inputTokens, outputTokens, operation, source, estimatedCostUsd }) => [
      agentName,
      model,
      inputTokens,
      outputTokens,
      operation,
      source,
      estimatedCostUsd,
    ]),
    Array.from({ length: 2 }, () => ["CHIRON", "gpt-4o", 1000, 100, "chat", "otlp", "0.003500000"]),
  );
});

function request(attributes: Record<string, unknown>[], service = "scholar"): unknown {
  const list = (values: Record<string, unknown>): unknown[] =>
    Object.entries(values).map(([key, value]) => ({
      key,
      value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
    }));
  const spans = attributes.map((one, index) => ({
    traceId: "5B8EFFF798038103D269B633813FC60C",
    spanId: `EEE19B7EC3C1B17${index}`,
    endTimeUnixNano: `${Date.now()}000000`,
    attributes: list(one),
  }));
  return { resourceSpans: [{ resource: { attributes: list({ "service.name": service }) }, scopeSpans: [{ spans }] }] };
}

test("JSON by hand is booked once for each span, however often it is sent", async (t) => {
  const server = await serveIngest(t);
  const body = request([{ ...usage, "gen_ai.operation.name": "chat" }]);

  const first = await post(server, path, body);
  const again = await post(server, path, gzipSync(JSON.stringify(body)), { "content-encoding": "gzip" });

  assert.deepEqual([first.status, first.text, again.status, again.text], [200, "{}", 200, "{}"]);
  const rows = await server.rows();
  assert.deepEqual(
    rows.map(({ agentName, provider }) => [agentName, provider]),
    [["scholar", "openai"]],
  );
});

test("a span whose ids are none is rejected with the reason: told again it would be another call", async (t) => {
  const server = await serveIngest(t);
  const text = JSON.stringify(request([{ ...usage, "gen_ai.operation.name": "chat" }]));

  const answer = await post(server, path, text.replace("5B8EFFF798038103D269B633813FC60C", "z".repeat(32)));

  assert.deepEqual(answer.json, {
    partialSuccess: { rejectedSpans: "1", errorMessage: "traceId or spanId is none" },
  });
  assert.deepEqual(await server.rows(), []);
});

test("a call that its program and its span tell is one row by the response's id", async (t) => {
  const server = await serveIngest(t);
  const responseId = "chatcmpl-0123456789abcdef";

  await post(server, path, request([{ ...usage, "gen_ai.operation.name": "chat", "gen_ai.response.id": responseId }]));
  const told = await post(server, "/usage", {
    agent_name: "CHIRON",
    model: "gpt-4o",
    provider: "openai",
    response_id: responseId,
    input_tokens: 1000,
    output_tokens: 100,
  });

  assert.match(told.text, /"state":"duplicate"/);
  assert.equal((await server.rows()).length, 1);
});

test("inference spans that cannot be booked are counted in the encoding of the request, others are not", async (t) => {
  const server = await serveIngest(t);
  const attributes = [
    { ...usage, "gen_ai.operation.name": "chat" },
    { ...usage, "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": "many" },
    { ...usage, "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": -5 },
    { "gen_ai.operation.name": "execute_tool" },
  ];

  const json = await post(server, path, request(attributes));
  const packed = await post(server, path, encodeRequest(attributes), { "content-type": "application/x-protobuf" });

  assert.equal(json.status, 200, json.text);
  const partial = json.json["partialSuccess"] as Record<string, unknown>;
  assert.equal(partial["rejectedSpans"], "2");
  assert.match(String(partial["errorMessage"]), /input_tokens: /);
  assert.deepEqual([packed.status, packed.headers.get("content-type")], [200, "application/x-protobuf"]);
  // Field 1 of field 1: two spans.
  assert.equal(packed.text.charCodeAt(0), 0x0a);
  assert.equal(packed.text.slice(2, 4), "\u0008\u0002");
  assert.equal((await server.rows()).length, 1);
});

/** Written with protobufjs alone, from numbers of the specification. */
function encodeRequest(attributes: Record<string, unknown>[]): Buffer {
  const writer = protobuf.Writer.create();
  writer.uint32(10).fork().uint32(18).fork();
  for (const [index, one] of attributes.entries()) {
    writer.uint32(18).fork();
    writer.uint32(10).bytes(Buffer.from("5b8efff798038103d269b633813fc60c", "hex"));
    writer.uint32(18).bytes(Buffer.from(`eee19b7ec3c1b17${index}`, "hex"));
    for (const [key, value] of Object.entries(one)) {
      writer.uint32(74).fork().uint32(10).string(key).uint32(18).fork();
      if (typeof value === "string") writer.uint32(10).string(value);
      else writer.uint32(24).int64(Number(value));
      writer.ldelim().ldelim();
    }
    writer.ldelim();
  }
  return Buffer.from(writer.ldelim().ldelim().finish());
}

test("a request that fails is a google.rpc.Status in its own encoding", async (t) => {
  const server = await serveIngest(t);
  const packed = { "content-type": "application/x-protobuf" };

  const json = await post(server, path, "{");
  const proto = await post(server, path, Buffer.from([0x0a, 0xff]), packed);
  const nobody = await post(server, path, Buffer.alloc(0), { ...packed, authorization: "" });
  const large = await post(server, path, gzipSync(Buffer.alloc(33 * 1024 * 1024)), {
    ...packed,
    "content-encoding": "gzip",
  });
  const text = await post(server, path, "x", { "content-type": "text/plain" });

  assert.deepEqual([json.status, json.json["code"]], [400, 3]);
  assert.match(String(json.json["message"]), /the body is not JSON/);
  assert.deepEqual([proto.status, proto.headers.get("content-type")], [400, "application/x-protobuf"]);
  assert.match(proto.text, /^\u0008\u0003\u0012.the body is not an ExportTraceServiceRequest/);
  assert.deepEqual([nobody.status, large.status, text.status], [401, 413, 415]);
  assert.match(large.text, /larger than 32 MiB/);
});

test("a request without a call, or without anything, is taken", async (t) => {
  const server = await serveIngest(t);

  const empty = await post(server, path, {});
  const proto = await post(server, path, Buffer.alloc(0), { "content-type": "application/x-protobuf" });
  const odd = await post(server, path, {
    resourceSpans: [{ scopeSpans: [{ spans: [{ links: 7, name: [] }] }], x: 1 }],
  });

  assert.deepEqual([empty.status, empty.text, proto.status, proto.text, odd.status], [200, "{}", 200, "", 200]);
});
