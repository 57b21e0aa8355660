import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import * as recorded from "../test/recorded-answers.ts";
import { type Answer, type Api, createUsageReader, readUsage } from "./read-usage.ts";

/** Without the counts that an answer does not have. */
function tokensOf(answer: Answer): Record<string, number | undefined> | undefined {
  if (answer.tokens === undefined) return undefined;
  return Object.fromEntries(Object.entries(answer.tokens).filter(([, value]) => value !== undefined));
}

function readBody(api: Api, body: unknown): ReturnType<typeof tokensOf> {
  return tokensOf(readUsage(api, body));
}

function readEvents(api: Api, ...events: unknown[]): Answer {
  const reader = createUsageReader(api);
  for (const event of events) reader.push(`data: ${JSON.stringify(event)}\n\n`);
  return reader.read("end");
}

function chat(usage: unknown): unknown {
  return { id: "chatcmpl-1", model: "m", choices: [{ message: { content: "x" }, finish_reason: "stop" }], usage };
}

function claude(usage: unknown): unknown {
  return { type: "message", id: "msg_1", model: "claude-opus-4-1", content: [], usage };
}

test("a stream says the same wherever it is split", () => {
  const streams: [Api, string][] = [
    ["openai-chat", recorded.openAiChat.stream.chunks.join("")],
    ["openai-responses", recorded.openAiResponses.stream.chunks.join("")],
    ["anthropic-messages", recorded.anthropic.stream.chunks.join("").replaceAll("\n", "\r\n")],
    ["gemini-generate", recorded.google.stream.chunks.join("")],
  ];
  for (const [api, text] of streams) {
    const whole = createUsageReader(api);
    whole.push(text);
    const expected = whole.read("end");
    assert.equal(expected.isFinal, true);

    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 20 }), (places) => {
        const reader = createUsageReader(api);
        const cuts = [0, ...places.toSorted((a, b) => a - b), text.length];
        for (const [index, cut] of cuts.slice(1).entries()) reader.push(text.slice(cuts[index], cut));

        assert.deepEqual(reader.read("end"), expected);
      }),
    );
  }
});

test("Anthropic's caches are part of the input, and the two lives of a write are told apart", () => {
  const counts = { input_tokens: 200, output_tokens: 5, cache_read_input_tokens: 100, cache_creation_input_tokens: 30 };

  assert.deepEqual(
    readBody("anthropic-messages", claude({ ...counts, cache_creation: { ephemeral_1h_input_tokens: 20 } })),
    {
      input_tokens: 330,
      output_tokens: 5,
      cache_read_tokens: 100,
      cache_write_5m_tokens: 10,
      cache_write_1h_tokens: 20,
    },
  );
});

test("Anthropic's cumulative counts replace the earlier ones, and a proxy's zeros do not", () => {
  const start = {
    type: "message_start",
    message: { id: "msg_1", model: "claude", usage: { input_tokens: 50, output_tokens: 1 } },
  };
  const stop = (usage: unknown): unknown => ({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage });

  const twice = readEvents("anthropic-messages", start, stop({ output_tokens: 7 }), stop({ output_tokens: 12 }));
  const zeros = readEvents("anthropic-messages", start, stop({ input_tokens: 0, output_tokens: 12 }));

  for (const { tokens } of [twice, zeros]) {
    assert.deepEqual([tokens?.input_tokens, tokens?.output_tokens], [50, 12]);
  }
});

test("Kimi's and Qwen's stream begins with an input that holds the cache and ends with the real split", () => {
  const start = { input_tokens: 1000, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 0 };
  const last = { input_tokens: 232, cache_read_input_tokens: 768, output_tokens: 40 };

  const answer = readEvents(
    "anthropic-messages",
    { type: "message_start", message: { id: "msg_1", model: "kimi-k2", usage: start } },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: last },
  );

  assert.deepEqual([answer.tokens?.input_tokens, answer.tokens?.cache_read_tokens], [1000, 768]);
});

test("what compacting a context took is added to Anthropic's counts, and fast mode is its tier", () => {
  const iterations = [
    { type: "compaction", input_tokens: 180_000, output_tokens: 3_500 },
    { type: "message", input_tokens: 23_000, output_tokens: 1_000 },
  ];
  const usage = { input_tokens: 23_000, output_tokens: 1_000, iterations, speed: "fast", service_tier: "standard" };

  const answer = readUsage("anthropic-messages", claude(usage));

  assert.deepEqual([answer.tokens?.input_tokens, answer.tokens?.output_tokens], [203_000, 4_500]);
  assert.equal(answer.service_tier, "fast");
});

test("Gemini's thoughts are output, its tools' results input, and its last chunk counts", () => {
  const answer = readEvents(
    "gemini-generate",
    { usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 3 } },
    {
      usageMetadata: {
        promptTokenCount: 10,
        candidatesTokenCount: 80,
        thoughtsTokenCount: 70,
        toolUsePromptTokenCount: 4,
      },
    },
  );

  assert.deepEqual(tokensOf(answer), { input_tokens: 14, output_tokens: 150, reasoning_tokens: 70 });
});

test("Gemini's searches are billed once for a prompt up to 2.5 and by their queries from 3 on", () => {
  const searches = (modelVersion: string): number | undefined =>
    readUsage("gemini-generate", {
      modelVersion,
      candidates: [{ finishReason: "STOP", groundingMetadata: { webSearchQueries: ["a", "b", "c"] } }],
      usageMetadata: { promptTokenCount: 1, trafficType: "ON_DEMAND_PRIORITY" },
    }).tokens?.web_searches;

  assert.equal(searches("gemini-2.5-pro"), 1);
  assert.equal(searches("gemini-3-pro-preview"), 3);
});

test("the dialects of OpenAI's chat are understood", () => {
  const details = { completion_tokens_details: { reasoning_tokens: 50 } };
  const cases: [unknown, Record<string, number>][] = [
    // xAI counts reasoning beside the output.
    [
      { prompt_tokens: 10, completion_tokens: 20, total_tokens: 80, ...details },
      { output_tokens: 70, reasoning_tokens: 50 },
    ],
    [
      { prompt_tokens: 10, completion_tokens: 60, total_tokens: 70, ...details },
      { output_tokens: 60, reasoning_tokens: 50 },
    ],
    // DeepSeek and Moonshot say cache hits in places of their own.
    [
      { prompt_tokens: 10, completion_tokens: 2, prompt_cache_hit_tokens: 8 },
      { output_tokens: 2, cache_read_tokens: 8 },
    ],
    [
      { prompt_tokens: 10, completion_tokens: 2, cached_tokens: 8 },
      { output_tokens: 2, cache_read_tokens: 8 },
    ],
  ];

  for (const [usage, expected] of cases) {
    assert.deepEqual(readBody("openai-chat", chat(usage)), { input_tokens: 10, ...expected });
  }
  assert.deepEqual(
    tokensOf(readEvents("openai-chat", { x_groq: { usage: { prompt_tokens: 3, completion_tokens: 4 } } })),
    { input_tokens: 3, output_tokens: 4 },
  );
});

test("OpenRouter's own cost is read, with the provider's part when the key is one's own", () => {
  const usage = { prompt_tokens: 10, completion_tokens: 5, cost: 0.001 };
  const own = { ...usage, is_byok: true, cost_details: { upstream_inference_cost: 0.02 } };

  assert.equal(readUsage("openai-chat", chat(usage)).provider_cost_usd, 0.001);
  assert.equal(readUsage("openai-chat", chat(own)).provider_cost_usd, 0.021);
});

test("embeddings, images and transcriptions are counted, and seconds are no tokens", () => {
  const embedding = { model: "text-embedding-3-small", usage: { prompt_tokens: 8, total_tokens: 8 } };
  const image = { usage: { input_tokens: 50, output_tokens: 4160, input_tokens_details: { image_tokens: 0 } } };
  const speech = {
    text: "x",
    usage: { type: "tokens", input_tokens: 14, output_tokens: 9, input_token_details: { audio_tokens: 14 } },
  };

  assert.deepEqual(readBody("openai-embeddings", embedding), { input_tokens: 8, output_tokens: 0 });
  assert.deepEqual(readBody("openai-images", image), { input_tokens: 50, output_tokens: 4160 });
  assert.deepEqual(readBody("openai-transcriptions", speech), {
    input_tokens: 14,
    output_tokens: 9,
    audio_input_tokens: 14,
  });
  assert.equal(readBody("openai-transcriptions", { text: "x", usage: { type: "duration", seconds: 9 } }), undefined);
});

test("counts come before the end of a stream, but are final at its end", () => {
  const reader = createUsageReader("openai-chat");
  reader.push(
    'data: {"model":"m","choices":[{"delta":{"content":"abcdefgh"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n',
  );

  const middle = reader.read("middle");
  const end = reader.read("end");

  assert.deepEqual([middle.isFinal, middle.characters, middle.tokens?.input_tokens], [false, 8, 3]);
  assert.equal(end.isFinal, true);
});

test("the size of a stream's text is near enough for an estimate, whatever stands in it", () => {
  const text = fc.string({ minLength: 1, maxLength: 40 }).map((piece) => piece.replaceAll(/["\\]/g, "'"));
  const pieces: [Api, (piece: string) => unknown][] = [
    ["openai-chat", (content) => ({ model: "m", choices: [{ delta: { content }, finish_reason: null }], usage: null })],
    ["openai-responses", (delta) => ({ type: "response.output_text.delta", item_id: "msg_1", delta })],
    ["anthropic-messages", (piece) => ({ type: "content_block_delta", delta: { type: "text_delta", text: piece } })],
  ];
  fc.assert(
    fc.property(fc.constantFrom(...pieces), fc.array(text, { maxLength: 20 }), ([api, event], said) => {
      const { characters, tokens } = readEvents(api, ...said.map(event));

      assert.deepEqual([characters, tokens], [said.join("").length, undefined]);
    }),
  );
});

test("the size of two choices that are streamed at once is that of both, and their tier is kept", () => {
  const event = (delta: object, more: object = {}): object => ({
    ...{ id: "chatcmpl-1", model: "gpt-5", choices: [{ delta, finish_reason: null }], usage: null },
    ...more,
  });
  const begun = ["", ""].map((content) => event({ role: "assistant", content, refusal: null }));
  const said = ["Oslo", " is", " a city"].map((content) => event({ content }, { service_tier: "flex" }));

  const { characters, service_tier } = readEvents("openai-chat", ...begun, ...said);

  assert.deepEqual([characters, service_tier], ["Oslo is a city".length, "flex"]);
});

test("no body whatever is read as a wrong number", () => {
  const apis: Api[] = ["openai-chat", "openai-responses", "openai-images", "anthropic-messages", "gemini-generate"];
  fc.assert(
    fc.property(fc.constantFrom(...apis), fc.jsonValue(), fc.jsonValue(), (api, body, usage) => {
      for (const answer of [readUsage(api, body), readUsage(api, { type: "message", usage, usageMetadata: usage })]) {
        for (const count of Object.values(answer.tokens ?? {})) {
          assert.ok(count === undefined || (Number.isSafeInteger(count) && count >= 0));
        }
      }
    }),
  );
});
