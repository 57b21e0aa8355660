/** Answers of the providers as their APIs give them, with the texts cut short. */
import { type RecordedAnswer } from "./http-server.ts";

export function json(body: unknown, status = 200): RecordedAnswer {
  return { status, type: "application/json", chunks: [JSON.stringify(body)] };
}

/** Events without names, as OpenAI's chat and Gemini have them. */
export function sse(events: readonly unknown[], { done = false } = {}): RecordedAnswer {
  const chunks = events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  return { type: "text/event-stream", chunks: done ? [...chunks, "data: [DONE]\n\n"] : chunks };
}

/** Events with their type as the name. */
export function namedSse(events: readonly { type: string }[]): RecordedAnswer {
  const chunks = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  return { type: "text/event-stream", chunks };
}

/** The first chunks of a stream that then says nothing more. */
export function stalled(answer: RecordedAnswer, chunks: number): RecordedAnswer {
  return { ...answer, chunks: answer.chunks.slice(0, chunks), isOpen: true };
}

const chatId = "chatcmpl-CZq1aBcDeFgHiJkLmNoPqRsT";
const chatUsage = {
  prompt_tokens: 2006,
  completion_tokens: 300,
  total_tokens: 2306,
  prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 128, audio_tokens: 0 },
};
const chatCall = { id: "call_1", type: "function", function: { name: "find_city", arguments: '{"city":"Oslo"}' } };

function chat(message: unknown, finish: string): unknown {
  return {
    id: chatId,
    object: "chat.completion",
    created: 1_790_000_000,
    model: "gpt-5-2025-08-07",
    service_tier: "default",
    choices: [{ index: 0, message, finish_reason: finish }],
    usage: chatUsage,
  };
}

function chatChunk(delta: unknown, rest: object = {}): unknown {
  const choices = delta === undefined ? [] : [{ index: 0, delta, finish_reason: null }];
  return {
    id: chatId,
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "gpt-5-2025-08-07",
    service_tier: "default",
    choices,
    usage: null,
    ...rest,
  };
}

const end = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };

export const openAiChat = {
  json: json(chat({ role: "assistant", content: "Oslo is a city." }, "stop")),
  stream: sse(
    [
      chatChunk({ role: "assistant", content: "" }),
      chatChunk({ content: "Oslo is " }),
      chatChunk({ content: "a city." }),
      chatChunk({}, end),
      chatChunk(undefined, { usage: chatUsage }),
    ],
    { done: true },
  ),
  withoutUsage: sse([chatChunk({ role: "assistant", content: "Oslo is a city." }), chatChunk({}, end)], { done: true }),
  tool: json(chat({ role: "assistant", content: null, tool_calls: [chatCall] }, "tool_calls")),
  error: json({ error: { message: "Rate limit reached", type: "requests", code: "rate_limit_exceeded" } }, 429),
};

const responseId = "resp_68d1aBcDeFgHiJkLmNoPqRsTuVwXyZ012345";

function response(status: string, output: unknown[], usage: unknown): Record<string, unknown> {
  return {
    id: responseId,
    object: "response",
    created_at: 1_790_000_000,
    status,
    error: null,
    model: "gpt-5-2025-08-07",
    output,
    service_tier: "flex",
    tools: [],
    usage,
  };
}

const responseUsage = {
  input_tokens: 1500,
  input_tokens_details: { cached_tokens: 1024, cache_write_tokens: 128 },
  output_tokens: 420,
  output_tokens_details: { reasoning_tokens: 256 },
  total_tokens: 1920,
};
const message = {
  type: "message",
  id: "msg_1",
  status: "completed",
  role: "assistant",
  content: [{ type: "output_text", text: "Oslo is a city.", annotations: [] }],
};
const search = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "Oslo" } };
const opened = { type: "web_search_call", id: "ws_2", status: "completed", action: { type: "open_page", url: "x" } };
const functionCall = {
  type: "function_call",
  id: "fc_1",
  call_id: "call_1",
  name: "find_city",
  arguments: '{"city":"Oslo"}',
  status: "completed",
};
const place = { item_id: "msg_1", output_index: 0, content_index: 0 };

export const openAiResponses = {
  json: json(response("completed", [search, opened, message], responseUsage)),
  stream: namedSse([
    { type: "response.created", response: response("in_progress", [], null) } as { type: string },
    { type: "response.output_item.added", output_index: 0, item: { ...message, content: [] } } as { type: string },
    { type: "response.output_text.delta", ...place, delta: "Oslo is " } as { type: string },
    { type: "response.output_text.delta", ...place, delta: "a city." } as { type: string },
    { type: "response.completed", response: response("completed", [message], responseUsage) } as { type: string },
  ]),
  tool: json(response("completed", [functionCall], responseUsage)),
  error: json({ error: { message: "The server had an error", type: "server_error" } }, 500),
};

const anthropicUsage = {
  input_tokens: 21,
  cache_creation_input_tokens: 1500,
  cache_read_input_tokens: 18_000,
  cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 500 },
  output_tokens: 393,
  server_tool_use: { web_search_requests: 2 },
  service_tier: "standard",
  inference_geo: "us",
};
const anthropicId = "msg_01XFDUDYJgAACzvnptvVoYEL";

function claude(content: unknown[], stop: string | null, usage: unknown): Record<string, unknown> {
  return {
    id: anthropicId,
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5-20250929",
    content,
    stop_reason: stop,
    stop_sequence: null,
    usage,
  };
}

function claudeDelta(text: string): { type: string } {
  return { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } } as { type: string };
}

export const anthropic = {
  json: json(claude([{ type: "text", text: "Oslo is a city." }], "end_turn", anthropicUsage)),
  stream: namedSse([
    { type: "message_start", message: claude([], null, { ...anthropicUsage, output_tokens: 2 }) } as { type: string },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } } as { type: string },
    claudeDelta("Oslo is "),
    claudeDelta("a city."),
    { type: "content_block_stop", index: 0 } as { type: string },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: {
        input_tokens: 21,
        cache_creation_input_tokens: 1500,
        cache_read_input_tokens: 18_000,
        output_tokens: 393,
        server_tool_use: { web_search_requests: 2 },
      },
    } as { type: string },
    { type: "message_stop" },
  ]),
  tool: json(
    claude(
      [{ type: "tool_use", id: "toolu_1", name: "find_city", input: { city: "Oslo" } }],
      "tool_use",
      anthropicUsage,
    ),
  ),
  error: json({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, 529),
};

const geminiUsage = {
  promptTokenCount: 1000,
  candidatesTokenCount: 120,
  thoughtsTokenCount: 380,
  toolUsePromptTokenCount: 45,
  cachedContentTokenCount: 600,
  totalTokenCount: 1545,
  promptTokensDetails: [
    { modality: "TEXT", tokenCount: 900 },
    { modality: "AUDIO", tokenCount: 100 },
  ],
};

function gemini(parts: unknown[], rest: object): unknown {
  return {
    candidates: [{ content: { role: "model", parts }, index: 0, ...rest }],
    modelVersion: "gemini-2.5-pro",
    responseId: "q1w2e3r4t5y6u7i8o9p0",
  };
}

const stop = { finishReason: "STOP" };

export const google = {
  json: json({ ...Object(gemini([{ text: "Oslo is a city." }], stop)), usageMetadata: geminiUsage }),
  stream: sse([
    { ...Object(gemini([{ text: "Oslo is " }], {})), usageMetadata: { promptTokenCount: 1000, totalTokenCount: 1000 } },
    { ...Object(gemini([{ text: "a city." }], stop)), usageMetadata: geminiUsage },
  ]),
  tool: json({
    ...Object(gemini([{ functionCall: { name: "find_city", args: { city: "Oslo" } } }], stop)),
    usageMetadata: geminiUsage,
  }),
  error: json({ error: { code: 429, message: "Resource has been exhausted", status: "RESOURCE_EXHAUSTED" } }, 429),
};
