/** Google's generateContent, whole or as a stream of chunks. */
import { type Tokens } from "./call.ts";
import { countCharacters } from "./estimate.ts";
import { asCount, asList, asObject, asText, isObject, type JsonObject } from "./json.ts";
import { type Seen } from "./read-usage.ts";

/** A response, or a chunk of one: the last usageMetadata counts. */
export function absorbGemini(seen: Seen, event: JsonObject): void {
  seen.model = asText(event["modelVersion"]) ?? seen.model;
  seen.response_id = asText(event["responseId"]) ?? seen.response_id;
  const usage = event["usageMetadata"];
  if (isObject(usage)) {
    seen.usage = usage;
    seen.service_tier = readTier(usage) ?? seen.service_tier;
  }
  for (const candidate of asList(event["candidates"]).map(asObject)) {
    seen.characters += countCharacters(candidate["content"]);
    if (asText(candidate["finishReason"]) !== undefined) seen.hasEnded = true;
    const queries = asList(asObject(candidate["groundingMetadata"])["webSearchQueries"]).length;
    if (queries > 0) seen.web_searches = billedSearches(seen.model, queries);
  }
  if (asText(asObject(event["promptFeedback"])["blockReason"]) !== undefined) seen.hasEnded = true;
  if (isObject(event["error"])) seen.isVoid = true;
}

/** Thoughts are output that `candidatesTokenCount` leaves out; results of tools are input. */
export function countGemini(usage: JsonObject): Tokens | undefined {
  const prompt = asCount(usage["promptTokenCount"]);
  const candidates = asCount(usage["candidatesTokenCount"]);
  const thoughts = asCount(usage["thoughtsTokenCount"]);
  if (prompt === undefined && candidates === undefined && thoughts === undefined) return undefined;
  return {
    input_tokens: (prompt ?? 0) + (asCount(usage["toolUsePromptTokenCount"]) ?? 0),
    output_tokens: (candidates ?? 0) + (thoughts ?? 0),
    cache_read_tokens: asCount(usage["cachedContentTokenCount"]),
    reasoning_tokens: thoughts,
    audio_input_tokens: countAudio(usage["promptTokensDetails"]),
    audio_output_tokens: countAudio(usage["candidatesTokensDetails"]),
  };
}

function countAudio(details: unknown): number | undefined {
  const audio = asList(details)
    .map(asObject)
    .find(({ modality }) => modality === "AUDIO");
  return asCount(audio?.["tokenCount"]);
}

/** Vertex AI says it as the kind of its traffic: `ON_DEMAND_PRIORITY`. */
function readTier(usage: JsonObject): string | undefined {
  const tier =
    asText(usage["serviceTier"]) ?? /^ON_DEMAND_(PRIORITY|FLEX)$/.exec(asText(usage["trafficType"]) ?? "")?.[1];
  return tier?.toLowerCase();
}

/** Up to Gemini 2.5 a prompt that was grounded is billed once, later models by their queries. */
function billedSearches(model: string | undefined, queries: number): number {
  return /gemini-[12]\b/.test(model ?? "") ? 1 : queries;
}
