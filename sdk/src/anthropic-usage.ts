/** Anthropic's messages, and the servers that speak their form. */
import { type Tokens } from "./call.ts";
import { countCharacters } from "./estimate.ts";
import { asCount, asList, asNumber, asObject, asText, isObject, type JsonObject } from "./json.ts";
import { type Seen } from "./read-usage.ts";

const inputFields = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];

/** A message, or an event of its stream. */
export function absorbAnthropic(seen: Seen, event: JsonObject): void {
  switch (event["type"]) {
    case "message":
      absorbMessage(seen, event);
      seen.characters += countCharacters(event["content"]);
      seen.hasEnded = true;
      return;
    case "message_start":
      absorbMessage(seen, asObject(event["message"]));
      return;
    case "content_block_start":
      seen.characters += countCharacters(event["content_block"]);
      return;
    case "content_block_delta":
      seen.characters += countCharacters(event["delta"]);
      return;
    case "message_delta":
      mergeUsage(seen, event["usage"]);
      if (asText(asObject(event["delta"])["stop_reason"]) !== undefined) seen.hasEnded = true;
      return;
    case "message_stop":
      seen.hasEnded = true;
      return;
    case "error":
      seen.isVoid = true;
      return;
    default:
  }
}

export function isAnthropicPiece(data: string): boolean {
  return data.includes('"content_block_delta"') && !data.includes('"usage":');
}

/** Their input leaves out what the caches took: input, read and written are added up. */
export function countAnthropic(usage: JsonObject): Tokens | undefined {
  const top = countIteration(usage);
  if (top === undefined) return undefined;
  // What compacting a context took is not in the counts above it (API reference of messages, read 2026-11-23).
  const compactions = asList(usage["iterations"])
    .map(asObject)
    .filter(({ type }) => type === "compaction");
  const counted = [top, ...compactions.map(countIteration).filter((tokens) => tokens !== undefined)];
  const sum = (field: keyof Tokens): number => counted.reduce((total, tokens) => total + (tokens[field] ?? 0), 0);
  return {
    input_tokens: sum("input_tokens"),
    output_tokens: sum("output_tokens"),
    cache_read_tokens: sum("cache_read_tokens"),
    cache_write_5m_tokens: sum("cache_write_5m_tokens"),
    cache_write_1h_tokens: sum("cache_write_1h_tokens"),
    reasoning_tokens: asCount(asObject(usage["output_tokens_details"])["thinking_tokens"]),
    web_searches: asCount(asObject(usage["server_tool_use"])["web_search_requests"]),
  };
}

function countIteration(usage: JsonObject): Tokens | undefined {
  const input = asCount(usage["input_tokens"]);
  const output = asCount(usage["output_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  const read = asCount(usage["cache_read_input_tokens"]) ?? 0;
  const byLife = asObject(usage["cache_creation"]);
  const oneHour = asCount(byLife["ephemeral_1h_input_tokens"]) ?? 0;
  const written =
    asCount(usage["cache_creation_input_tokens"]) ?? oneHour + (asCount(byLife["ephemeral_5m_input_tokens"]) ?? 0);
  const long = Math.min(oneHour, written);
  return {
    input_tokens: (input ?? 0) + read + written,
    output_tokens: output ?? 0,
    cache_read_tokens: read,
    cache_write_5m_tokens: written - long,
    cache_write_1h_tokens: long,
  };
}

function absorbMessage(seen: Seen, message: JsonObject): void {
  seen.model = asText(message["model"]) ?? seen.model;
  seen.response_id = asText(message["id"]) ?? seen.response_id;
  mergeUsage(seen, message["usage"]);
}

/**
 * Each field of a later usage replaces the earlier one. Kimi's and Qwen's servers begin
 * with an input that holds the caches and end with the real split; some proxies end with
 * zeros, which say nothing.
 */
function mergeUsage(seen: Seen, usage: unknown): void {
  if (!isObject(usage)) return;
  const hasInput = seen.usage === undefined || inputFields.some((field) => (asCount(usage[field]) ?? 0) > 0);
  const said = Object.entries(usage).filter(
    ([field, value]) => value !== null && value !== undefined && (hasInput || !inputFields.includes(field)),
  );
  seen.usage = { ...seen.usage, ...Object.fromEntries(said) };
  const tier = usage["speed"] === "fast" ? "fast" : asText(usage["service_tier"]);
  seen.service_tier = tier ?? seen.service_tier;
  // "not_available" is what models answer that run wherever there is room.
  const geo = asText(usage["inference_geo"]);
  if (geo !== undefined && geo !== "not_available") seen.region = geo;
  seen.provider_cost_usd = asNumber(usage["cost"]) ?? seen.provider_cost_usd;
}
