/** The packages that can be tracked, each asked in every way that an answer comes: for tests. */
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { generateText, jsonSchema, streamText, tool, type Tool, wrapLanguageModel } from "ai";
import OpenAI from "openai";

import { type Call, track, type TrackOptions, usageMiddleware } from "../src/usage.ts";
import { type RecordedAnswer } from "./http-server.ts";
import * as recorded from "./recorded-answers.ts";

const prompt = "What is Oslo? Answer in one sentence.";
const said = "Oslo is a city.";
const apiKey = "sk-test";

/** `returns`: what comes back to the caller, the text or the name of the tool that was called. */
export type Cell = { answer: RecordedAnswer; expected: Partial<Call> | undefined; returns?: string; throws?: RegExp };

export type CellKind = "json" | "stream" | "tool" | "error" | "abort";

export type Package = {
  name: string;
  ask: (origin: string, options: TrackOptions) => Promise<unknown>;
  stream: (origin: string, options: TrackOptions) => AsyncIterable<string | undefined>;
  cells: Record<CellKind, Cell>;
};

const chatCall: Partial<Call> = {
  model: "gpt-5-2025-08-07",
  provider: "openai",
  response_id: "chatcmpl-CZq1aBcDeFgHiJkLmNoPqRsT",
  service_tier: "default",
  input_tokens: 2006,
  output_tokens: 300,
  cache_read_tokens: 1920,
  reasoning_tokens: 128,
  audio_input_tokens: 0,
  audio_output_tokens: 0,
};

const responsesCall: Partial<Call> = {
  model: "gpt-5-2025-08-07",
  provider: "openai",
  response_id: "resp_68d1aBcDeFgHiJkLmNoPqRsTuVwXyZ012345",
  service_tier: "flex",
  input_tokens: 1500,
  output_tokens: 420,
  cache_read_tokens: 1024,
  cache_write_5m_tokens: 128,
  reasoning_tokens: 256,
};

const anthropicCall: Partial<Call> = {
  model: "claude-sonnet-4-5-20250929",
  provider: "anthropic",
  response_id: "msg_01XFDUDYJgAACzvnptvVoYEL",
  service_tier: "standard",
  region: "us",
  input_tokens: 19_521,
  output_tokens: 393,
  cache_read_tokens: 18_000,
  cache_write_5m_tokens: 1000,
  cache_write_1h_tokens: 500,
  web_searches: 2,
};

const googleCall: Partial<Call> = {
  model: "gemini-2.5-pro",
  provider: "google",
  response_id: "q1w2e3r4t5y6u7i8o9p0",
  input_tokens: 1045,
  output_tokens: 500,
  cache_read_tokens: 600,
  reasoning_tokens: 380,
  audio_input_tokens: 100,
};

const aiCall: Partial<Call> = { ...responsesCall };

/** What is known of a stream that was left: who answered, and sizes from its texts. */
function left(call: Partial<Call>, counts: Partial<Call>): Partial<Call> {
  const { model, provider, response_id, service_tier } = call;
  const names = Object.fromEntries(Object.entries({ model, provider, response_id, service_tier }).filter(([, v]) => v));
  return { ...names, ...counts, is_estimated: true };
}

export const packages: Package[] = [
  {
    name: "openai, chat",
    async ask(origin, options) {
      const answer = await openAi(origin, options).chat.completions.create(chatRequest);
      const message = answer.choices[0]?.message;
      const called = message?.tool_calls?.[0];
      return called?.type === "function" ? called.function.name : message?.content;
    },
    async *stream(origin, options) {
      const stream = await openAi(origin, options).chat.completions.create({ ...chatRequest, stream: true });
      for await (const chunk of stream) yield chunk.choices[0]?.delta.content ?? undefined;
    },
    cells: {
      json: { answer: recorded.openAiChat.json, expected: chatCall, returns: said },
      stream: { answer: recorded.openAiChat.stream, expected: chatCall, returns: said },
      tool: { answer: recorded.openAiChat.tool, expected: chatCall, returns: "find_city" },
      error: { answer: recorded.openAiChat.error, expected: undefined, throws: /429 Rate limit reached/ },
      abort: {
        answer: recorded.stalled(recorded.openAiChat.stream, 2),
        expected: left(chatCall, { input_tokens: 10, output_tokens: 2 }),
      },
    },
  },
  {
    name: "openai, responses",
    async ask(origin, options) {
      const answer = await openAi(origin, options).responses.create({ model: "gpt-5", input: prompt });
      const called = answer.output.find((item) => item.type === "function_call");
      return called?.name ?? answer.output_text;
    },
    async *stream(origin, options) {
      const stream = await openAi(origin, options).responses.create({ model: "gpt-5", input: prompt, stream: true });
      for await (const event of stream) yield event.type === "response.output_text.delta" ? event.delta : undefined;
    },
    cells: {
      json: { answer: recorded.openAiResponses.json, expected: { ...responsesCall, web_searches: 1 }, returns: said },
      stream: { answer: recorded.openAiResponses.stream, expected: responsesCall, returns: said },
      tool: { answer: recorded.openAiResponses.tool, expected: responsesCall, returns: "find_city" },
      error: { answer: recorded.openAiResponses.error, expected: undefined, throws: /500 The server had an error/ },
      abort: {
        answer: recorded.stalled(recorded.openAiResponses.stream, 3),
        expected: left(responsesCall, { input_tokens: 10, output_tokens: 2 }),
      },
    },
  },
  {
    name: "@anthropic-ai/sdk",
    async ask(origin, options) {
      const [block] = (await anthropic(origin, options).messages.create(claudeRequest)).content;
      return block?.type === "tool_use" ? block.name : block?.type === "text" && block.text;
    },
    async *stream(origin, options) {
      const stream = await anthropic(origin, options).messages.create({ ...claudeRequest, stream: true });
      for await (const event of stream) {
        yield event.type === "content_block_delta" && event.delta.type === "text_delta" ? event.delta.text : undefined;
      }
    },
    cells: {
      json: { answer: recorded.anthropic.json, expected: anthropicCall, returns: said },
      stream: { answer: recorded.anthropic.stream, expected: anthropicCall, returns: said },
      tool: { answer: recorded.anthropic.tool, expected: anthropicCall, returns: "find_city" },
      error: { answer: recorded.anthropic.error, expected: undefined, throws: /529 .*Overloaded/ },
      abort: {
        answer: recorded.stalled(recorded.anthropic.stream, 3),
        expected: { ...anthropicCall, output_tokens: 2, is_estimated: true },
      },
    },
  },
  {
    name: "@google/genai",
    async ask(origin, options) {
      const answer = await gemini(origin, options).models.generateContent(geminiRequest);
      return answer.functionCalls?.[0]?.name ?? answer.text;
    },
    async *stream(origin, options) {
      const stream = await gemini(origin, options).models.generateContentStream(geminiRequest);
      for await (const chunk of stream) yield chunk.text;
    },
    cells: {
      json: { answer: recorded.google.json, expected: googleCall, returns: said },
      stream: { answer: recorded.google.stream, expected: googleCall, returns: said },
      tool: { answer: recorded.google.tool, expected: googleCall, returns: "find_city" },
      error: { answer: recorded.google.error, expected: undefined, throws: /Resource has been exhausted/ },
      abort: {
        answer: recorded.stalled(recorded.google.stream, 1),
        expected: left(googleCall, { input_tokens: 1000, output_tokens: 2 }),
      },
    },
  },
  {
    name: "ai with @ai-sdk/openai",
    async ask(origin, options) {
      const answer = await generateText({
        model: aiModel(origin, options),
        prompt,
        tools: { find_city: findCity },
        maxRetries: 0,
      });
      return answer.text === "" ? answer.toolCalls[0]?.toolName : answer.text;
    },
    async *stream(origin, options) {
      // Its streams are read on after their reader has gone: only a signal ends them.
      const leaving = new AbortController();
      try {
        const model = aiModel(origin, options);
        yield* streamText({ model, prompt, maxRetries: 0, abortSignal: leaving.signal }).textStream;
      } finally {
        leaving.abort();
      }
    },
    cells: {
      json: { answer: recorded.openAiResponses.json, expected: { ...aiCall, web_searches: 1 }, returns: said },
      stream: { answer: recorded.openAiResponses.stream, expected: aiCall, returns: said },
      tool: { answer: recorded.openAiResponses.tool, expected: aiCall, returns: "find_city" },
      error: { answer: recorded.openAiResponses.error, expected: undefined, throws: /The server had an error/ },
      abort: {
        answer: recorded.stalled(recorded.openAiResponses.stream, 3),
        expected: {
          model: "gpt-5-2025-08-07",
          provider: "openai",
          response_id: "resp_68d1aBcDeFgHiJkLmNoPqRsTuVwXyZ012345",
          input_tokens: 10,
          output_tokens: 2,
          is_estimated: true,
        },
      },
    },
  },
];

const chatRequest = { model: "gpt-5", messages: [{ role: "user" as const, content: prompt }] };
const claudeRequest = {
  model: "claude-sonnet-4-5",
  max_tokens: 100,
  messages: [{ role: "user" as const, content: prompt }],
};
const geminiRequest = { model: "gemini-2.5-pro", contents: prompt };
const city = jsonSchema({ type: "object", properties: { city: { type: "string" } } });
const findCity: Tool = tool({ description: "Finds a city.", inputSchema: city });

function openAi(origin: string, options: TrackOptions): OpenAI {
  return track(new OpenAI({ apiKey, baseURL: `${origin}/v1`, maxRetries: 0 }), options);
}

function anthropic(origin: string, options: TrackOptions): Anthropic {
  return track(new Anthropic({ apiKey, baseURL: origin, maxRetries: 0 }), options);
}

function gemini(origin: string, options: TrackOptions): GoogleGenAI {
  return track(new GoogleGenAI({ apiKey, httpOptions: { baseUrl: origin } }), options);
}

function aiModel(origin: string, options: TrackOptions): ReturnType<typeof wrapLanguageModel> {
  const model = createOpenAI({ apiKey, baseURL: `${origin}/v1` })("gpt-5");
  return wrapLanguageModel({ model, middleware: usageMiddleware(options) });
}

async function join(texts: AsyncIterable<string | undefined>): Promise<string> {
  let all = "";
  for await (const text of texts) all += text ?? "";
  return all;
}

/** Reads until the first text, and goes. */
async function leaveEarly(texts: AsyncIterable<string | undefined>): Promise<void> {
  for await (const text of texts) if (text !== undefined && text !== "") return;
}

/** Does with the package what the kind of cell says; a call that is aborted is left after its first text. */
export function askCell(
  { ask, stream }: Package,
  kind: CellKind,
  origin: string,
  options: TrackOptions,
): Promise<unknown> {
  if (kind === "abort") return leaveEarly(stream(origin, options));
  return kind === "stream" ? join(stream(origin, options)) : ask(origin, options);
}

/** Every package with every kind of cell. */
export function listCells(): { pack: Package; kind: CellKind; cell: Cell }[] {
  const kinds: CellKind[] = ["json", "stream", "tool", "error", "abort"];
  return packages.flatMap((pack) => kinds.map((kind) => ({ pack, kind, cell: pack.cells[kind] })));
}
