/** The forms of OpenAI, and of the many servers that speak them: chat, responses, embeddings, images, transcriptions. */
import { type Tokens } from "./call.ts";
import { countCharacters } from "./estimate.ts";
import { asCount, asList, asNumber, asObject, asText, isObject, type JsonObject } from "./json.ts";
import { type Seen } from "./read-usage.ts";

/** A completion, or a chunk of one; legacy completions have `text` in the place of a message. */
export function absorbChat(seen: Seen, event: JsonObject): void {
  noteNames(seen, event);
  // Groq says it in a field of its own.
  noteUsage(seen, isObject(event["usage"]) ? event["usage"] : asObject(event["x_groq"])["usage"]);
  for (const choice of asList(event["choices"]).map(asObject)) {
    seen.characters += countCharacters(choice["delta"] ?? choice["message"] ?? choice["text"]);
    if (asText(choice["finish_reason"]) !== undefined) seen.hasEnded = true;
  }
  if (isObject(event["error"])) seen.isVoid = true;
}

/**
 * Usage, the reason of an end, an error, or Groq's own field; other servers leave out the
 * null, or put a space before it. Names are shortened to what no earlier part of an event
 * begins like: this search is most of what a long stream costs here.
 */
const chatEnd = /(?:sage|reason)": ?[^n ]|error"|groq"/;

export function isChatPiece(data: string): boolean {
  return !chatEnd.test(data);
}

/** A response, or an event of its stream that carries one. */
export function absorbResponses(seen: Seen, event: JsonObject): void {
  const response = isObject(event["response"]) ? event["response"] : event;
  const type = asText(event["type"]) ?? "";
  if (typeof event["delta"] === "string") seen.characters += countCharacters(event["delta"]);
  if (type === "error") seen.isVoid = true;
  if (response === event && type !== "") return;

  noteNames(seen, response);
  noteUsage(seen, response["usage"]);
  const status = asText(response["status"]) ?? "";
  seen.isVoid = status === "failed" || (type === "" && ["queued", "in_progress", "cancelled"].includes(status));
  seen.hasEnded = seen.usage !== undefined;
  const output = asList(response["output"]).map(asObject);
  if (type === "") seen.characters += countCharacters(output);
  const searches = output.filter(isSearch).length;
  if (searches > 0) seen.web_searches = searches;
}

export function isResponsesPiece(data: string): boolean {
  return data.includes('.delta"') && !data.includes('"response":');
}

/** Embeddings, images and transcriptions: the body, or the event that ends their stream. */
export function absorbMedia(seen: Seen, event: JsonObject): void {
  noteNames(seen, event);
  noteUsage(seen, event["usage"]);
  if (isObject(event["error"])) seen.isVoid = true;
  seen.hasEnded = seen.usage !== undefined;
}

/** Undefined for what is not counted in tokens, such as a transcription billed by its seconds. */
export function countOpenAi(usage: JsonObject): Tokens | undefined {
  const input = asCount(usage["prompt_tokens"]) ?? asCount(usage["input_tokens"]);
  const output = asCount(usage["completion_tokens"]) ?? asCount(usage["output_tokens"]);
  if (input === undefined && output === undefined) return undefined;

  const inputParts = firstObject(
    usage["prompt_tokens_details"],
    usage["input_tokens_details"],
    usage["input_token_details"],
  );
  const outputParts = firstObject(usage["completion_tokens_details"], usage["output_tokens_details"]);
  const reasoning = asCount(outputParts["reasoning_tokens"]);
  return {
    input_tokens: input ?? 0,
    output_tokens: (output ?? 0) + reasoningBeside(usage, input ?? 0, output ?? 0, reasoning ?? 0),
    // Moonshot has it beside the details, DeepSeek under a name of its own.
    cache_read_tokens:
      asCount(inputParts["cached_tokens"]) ??
      asCount(usage["cached_tokens"]) ??
      asCount(usage["prompt_cache_hit_tokens"]),
    cache_write_5m_tokens: asCount(inputParts["cache_write_tokens"]),
    reasoning_tokens: reasoning,
    audio_input_tokens: asCount(inputParts["audio_tokens"]),
    audio_output_tokens: asCount(outputParts["audio_tokens"]),
  };
}

/** xAI counts reasoning beside the output; the total tells. */
function reasoningBeside(usage: JsonObject, input: number, output: number, reasoning: number): number {
  return reasoning > 0 && asCount(usage["total_tokens"]) === input + output + reasoning ? reasoning : 0;
}

function noteNames(seen: Seen, body: JsonObject): void {
  seen.model = asText(body["model"]) ?? seen.model;
  seen.response_id = asText(body["id"]) ?? seen.response_id;
  seen.service_tier = asText(body["service_tier"]) ?? seen.service_tier;
}

/** The last one counts. Only OpenRouter's `cost` is a number. */
function noteUsage(seen: Seen, usage: unknown): void {
  if (!isObject(usage)) return;
  seen.usage = usage;
  const cost = asNumber(usage["cost"]);
  if (cost === undefined) return;
  // With a key of one's own the cost is OpenRouter's fee alone; the provider bills the rest.
  const upstream = usage["is_byok"] === true ? asNumber(asObject(usage["cost_details"])["upstream_inference_cost"]) : 0;
  seen.provider_cost_usd = cost + (upstream ?? 0);
}

/** Pages that are opened after a search are not billed as one. */
function isSearch(item: JsonObject): boolean {
  const action = asText(asObject(item["action"])["type"]);
  return item["type"] === "web_search_call" && (action === undefined || action === "search");
}

function firstObject(...values: unknown[]): JsonObject {
  return values.find(isObject) ?? {};
}
