import assert from "node:assert/strict";
import { test } from "node:test";

import { readSpans } from "./otlp.ts";
import { listCalls } from "./spans.ts";

type Attributes = Record<string, string | number>;

const traceId = "5b8efff798038103d269b633813fc60c";
const service = [{ key: "service.name", value: { stringValue: "scholar" } }];

function attributesOf(attributes: Attributes): unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
  }));
}

function span(spanId: string, attributes: Attributes, parentSpanId = ""): unknown {
  return {
    traceId,
    spanId: spanId.padStart(16, "0"),
    parentSpanId: parentSpanId === "" ? "" : parentSpanId.padStart(16, "0"),
    startTimeUnixNano: "1795000000000000000",
    endTimeUnixNano: "1795000001500000000",
    attributes: attributesOf(attributes),
  };
}

function callsOf(spans: readonly unknown[], resource: readonly unknown[] = service): Record<string, unknown>[] {
  const request = { resourceSpans: [{ resource: { attributes: resource }, scopeSpans: [{ spans }] }] };
  const calls = listCalls(readSpans(Buffer.from(JSON.stringify(request)), "application/json"));
  return calls.map((call) => Object.fromEntries(Object.entries(call).filter(([, value]) => value !== undefined)));
}

test("a chat span is a call with the convention's names", () => {
  const calls = callsOf([
    span("a1", {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "gcp.gemini",
      "gen_ai.request.model": "gemini-flash-latest",
      "gen_ai.response.model": "gemini-2.5-flash",
      "gen_ai.response.id": "resp_0123456789abcdef",
      "gen_ai.conversation.id": "c-7",
      "gen_ai.usage.input_tokens": 1000,
      "gen_ai.usage.output_tokens": 200,
      "gen_ai.usage.cache_read.input_tokens": 600,
      "gen_ai.usage.cache_creation.input_tokens": 100,
      "gen_ai.usage.reasoning.output_tokens": 150,
      "openai.response.service_tier": "priority",
    }),
  ]);

  assert.deepEqual(calls, [
    {
      trace_id: traceId,
      span_id: "00000000000000a1",
      created_at: "2026-11-18T11:06:41.500Z",
      agent_name: "scholar",
      model: "gemini-2.5-flash",
      provider: "google",
      operation: "chat",
      response_id: "resp_0123456789abcdef",
      service_tier: "priority",
      input_tokens: 1000,
      output_tokens: 200,
      cache_read_tokens: 600,
      cache_write_5m_tokens: 100,
      reasoning_tokens: 150,
      tags: { conversation: "c-7" },
    },
  ]);
});

test("names that were in use before are understood", () => {
  const [call] = callsOf([
    span("a1", {
      "gen_ai.system": "az.ai.openai",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.usage.prompt_tokens": 10,
      "gen_ai.usage.completion_tokens": 5,
      "gen_ai.usage.cache_read_tokens": 4,
    }),
  ]);

  assert.deepEqual(
    [call?.["provider"], call?.["input_tokens"], call?.["output_tokens"], call?.["cache_read_tokens"]],
    ["azure", 10, 5, 4],
  );
});

test("what adds up its children is not booked, by whatever it is called", () => {
  const usage = { "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5 };

  const calls = callsOf([
    span("1", { ...usage, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "CHIRON" }),
    // A framework's span that names no operation, round the provider's own.
    span("2", { ...usage }, "1"),
    span("3", { "http.request.method": "POST" }, "2"),
    span("4", { ...usage, "gen_ai.operation.name": "chat" }, "3"),
    span("5", { ...usage, "gen_ai.operation.name": "chat" }, "1"),
    span("6", { ...usage, "gen_ai.operation.name": "execute_tool" }, "1"),
  ]);

  assert.deepEqual(
    calls.map(({ span_id, agent_name }) => [span_id, agent_name]),
    [
      ["0000000000000004", "CHIRON"],
      ["0000000000000005", "CHIRON"],
    ],
  );
});

test("an embedding has no output, and what has no usage or no model is nobody's call", () => {
  const calls = callsOf([
    span("1", { "gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e", "gen_ai.usage.input_tokens": 7 }),
    span("2", { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o" }),
    span("3", { "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 1 }),
    span("4", { "db.system": "postgresql" }),
  ]);

  assert.deepEqual(
    calls.map(({ span_id, output_tokens }) => [span_id, output_tokens]),
    [["0000000000000001", 0]],
  );
});

test("the environment of a deployment is ours where it has one of our names", () => {
  const usage = { "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1 };
  const environmentOf = (name: string): unknown =>
    callsOf([span("1", usage)], attributesOf({ "deployment.environment.name": name }))[0]?.["environment"];

  assert.deepEqual(["production", "Development", "canary"].map(environmentOf), ["prod", "dev", undefined]);
});

test("spans of unknown shapes are passed over, and spans that lie in one another end", () => {
  const usage = { "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1 };
  const odd = [null, 7, "x", [], {}, { attributes: 1 }, { attributes: [null, { key: 1 }, { key: "a", value: 5 }] }];

  const calls = callsOf([...odd, span("1", usage, "2"), span("2", usage, "1"), span("3", usage, "3")]);

  assert.deepEqual(
    calls.map(({ span_id }) => span_id),
    ["0000000000000003"],
  );
  for (const body of ["[]", "1", "null", '{"resourceSpans":{}}', "{", ""]) {
    assert.throws(() => readSpans(Buffer.from(body), "application/json"), { code: "invalid_input" }, body);
  }
});

test("bytes that are no protobuf are refused, however they are broken", () => {
  const broken = [
    Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    Buffer.from("resourceSpans"),
    Buffer.alloc(200_000, 0x0b),
    Buffer.from([0x0a, 0x02, 0x0a]),
  ];
  for (const bytes of broken) {
    assert.throws(() => readSpans(bytes, "application/x-protobuf"), { code: "invalid_input" });
  }
});
