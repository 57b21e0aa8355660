/** Which requests are calls of a model, told by their path: base addresses differ, paths do not. */
import { type Api } from "./read-usage.ts";

export type Endpoint = {
  api: Api;
  host: string;
  /** Where the address names the model. */
  model: string | undefined;
  /** Asking for a response that was made in the background, which books it once it is there. */
  isLookup: boolean;
};

const posted: readonly (readonly [RegExp, Api])[] = [
  [/\/(chat\/)?completions$/, "openai-chat"],
  [/\/responses(\/compact)?$/, "openai-responses"],
  [/\/embeddings$/, "openai-embeddings"],
  [/\/images\/(generations|edits|variations)$/, "openai-images"],
  [/\/audio\/(transcriptions|translations)$/, "openai-transcriptions"],
  // Not the messages of OpenAI's threads.
  [/(?<!\/threads\/[^/]+)\/messages$/, "anthropic-messages"],
  // Anthropic's models on Vertex AI.
  [/:(rawPredict|streamRawPredict)$/, "anthropic-messages"],
  [/:(generateContent|streamGenerateContent)$/, "gemini-generate"],
];

/** By the end of the host's name; ids as the ledger's catalog has them. */
const providers: readonly (readonly [string, string])[] = [
  ["openrouter.ai", "openrouter"],
  ["openai.azure.com", "azure"],
  ["cognitiveservices.azure.com", "azure"],
  ["services.ai.azure.com", "azure"],
  ["openai.com", "openai"],
  ["anthropic.com", "anthropic"],
  ["googleapis.com", "google"],
  ["groq.com", "groq"],
  ["deepseek.com", "deepseek"],
  ["mistral.ai", "mistral"],
  ["x.ai", "x-ai"],
  ["together.xyz", "together"],
  ["together.ai", "together"],
  ["fireworks.ai", "fireworks"],
  ["perplexity.ai", "perplexity"],
  ["cohere.com", "cohere"],
  ["cerebras.ai", "cerebras"],
  ["moonshot.ai", "moonshotai"],
  ["moonshot.cn", "moonshotai"],
];

/** Undefined for every other request: it is let through unseen. */
export function findEndpoint(address: string, method: string): Endpoint | undefined {
  const url = new URL(address);
  const path = url.pathname.replace(/\/+$/, "");
  if (method === "GET") {
    if (!/\/responses\/[^/]+$/.test(path)) return undefined;
    return { api: "openai-responses", host: url.hostname, model: undefined, isLookup: true };
  }
  const found = method === "POST" ? posted.find(([pattern]) => pattern.test(path)) : undefined;
  if (found === undefined) return undefined;
  const model = /\/models\/([^/:]+):\w+$/.exec(path)?.[1];
  return { api: found[1], host: url.hostname, model, isLookup: false };
}

/**
 * The provider whose host it is. Behind a host of somebody's own the model tells, where
 * its name is its maker's; undefined leaves it to the ledger.
 */
export function findProvider({ host, api }: Pick<Endpoint, "host" | "api">, model: string): string | undefined {
  const known = providers.find(([end]) => host === end || host.endsWith(`.${end}`));
  if (known !== undefined) return known[1];
  if (api === "gemini-generate") return "google";
  if (api === "anthropic-messages") return model.startsWith("claude") ? "anthropic" : undefined;
  return /^(ft:)?(gpt-(?!oss)|chatgpt-|o\d|text-embedding-|dall-e-|whisper-|codex-)/.test(model) ? "openai" : undefined;
}
