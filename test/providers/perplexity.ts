/** Perplexity: https://docs.perplexity.ai/api-reference — the list of models has moved before. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "pplx-fixture-perplexity-0001";
const fields = { api_key: key };

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.perplexity.ai",
      path: "/v1/models",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const perplexity: PlayedProvider = {
  provider: "perplexity",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(200, {
        object: "list",
        data: [{ id: "sonar", object: "model", created: 0, owned_by: "perplexity" }],
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, { error: { message: "Invalid API key provided.", type: "invalid_api_key", code: 401 } }),
      verdict: "invalid",
    },
    { name: "an endpoint that moved", fields, exchanges: models(404, { detail: "Not Found" }), verdict: "unknown" },
  ],
};
