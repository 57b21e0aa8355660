/** Rough sizes, for calls whose counts never came: four characters are about one token. */
import { isObject, parseJson } from "./json.ts";

const charactersPerToken = 4;
/** Longer than this without a space is an image, a sound or a signature. */
const longestWord = 2_000;
const silentKeys = new Set(["id", "type", "role", "index", "object", "model", "signature", "encrypted_content"]);
const silentMore = new Set(["thoughtSignature", "call_id", "tool_call_id", "tool_use_id", "mimeType", "media_type"]);
/** Of the text in a message or an answer, at any depth; ids, roles, images and sounds are left out. */
export function countCharacters(value: unknown): number {
  if (typeof value === "string") return value.length > longestWord && !/\s/.test(value) ? 0 : value.length;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countCharacters(item), 0);
  if (!isObject(value)) return 0;
  let sum = 0;
  for (const key in value) {
    if (!silentKeys.has(key) && !silentMore.has(key)) sum += countCharacters(value[key]);
  }
  return sum;
}

export function estimateTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

/** Of what a request asks; 0 when its body is not text. */
export function estimateInput(body: unknown): number {
  return typeof body === "string" ? estimateTokens(countCharacters(parseJson(body))) : 0;
}
