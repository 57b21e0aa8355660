/** Groq: https://console.groq.com/docs/errors */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "gsk_fixture_groq_0001";
const fields = { api_key: key };

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.groq.com",
      path: "/openai/v1/models",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const groq: PlayedProvider = {
  provider: "groq",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(200, {
        object: "list",
        data: [{ id: "llama-3.3-70b-versatile", object: "model", owned_by: "Meta", active: true }],
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, {
        error: { message: "Invalid API Key", type: "invalid_request_error", code: "invalid_api_key" },
      }),
      verdict: "invalid",
    },
    {
      name: "a 401 in other words",
      fields,
      exchanges: models(401, { error: { message: "Unauthorized", type: "invalid_request_error" } }),
      verdict: "invalid",
    },
    {
      name: "a network that is denied",
      fields,
      exchanges: models(403, { error: { message: "Access denied. Please check your network settings." } }),
      verdict: "unknown",
    },
  ],
};
