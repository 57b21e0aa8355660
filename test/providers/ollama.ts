/**
 * Ollama and what speaks like it: https://github.com/ollama/ollama/blob/main/docs/api.md — it has no
 * keys of its own; a proxy before it may. Served without the key too, the key is not enforced.
 */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "fixture-ollama-proxy-0001";
const origin = "https://ollama.fixture-lab.example";
const fields = { base_url: origin, api_key: key };

function tags(authorization: string | undefined, status: number, body: unknown): PlayedExchange {
  return { method: "GET", origin, path: "/api/tags", headers: { authorization }, answer: { status, body } };
}

const bearer = `Bearer ${key}`;
const list = { models: [{ name: "llama3.2:latest", size: 2019393189, details: { family: "llama" } }] };

export const ollama: PlayedProvider = {
  provider: "ollama",
  cases: [
    {
      name: "a proxy that demands the key",
      fields,
      exchanges: [tags(bearer, 200, list), tags(undefined, 401, { error: "unauthorized" })],
      verdict: "valid",
    },
    {
      name: "a server that serves everybody",
      fields,
      exchanges: [tags(bearer, 200, list), tags(undefined, 200, list)],
      verdict: "not_checkable",
    },
    {
      name: "a key that the proxy refuses",
      fields,
      exchanges: [tags(bearer, 401, { error: "unauthorized" })],
      verdict: "invalid",
    },
    {
      name: "a key that may not list models",
      fields,
      exchanges: [tags(bearer, 403, { error: "forbidden" })],
      verdict: "insufficient_scope",
    },
    {
      name: "no key at all",
      fields: { base_url: origin },
      exchanges: [tags(undefined, 200, list)],
      verdict: "not_checkable",
    },
  ],
};
