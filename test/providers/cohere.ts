/** Cohere: https://docs.cohere.com/reference/list-models */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "fixture-cohere-000001";
const fields = { api_key: key };

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.cohere.com",
      path: "/v1/models?page_size=1",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const cohere: PlayedProvider = {
  provider: "cohere",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(200, {
        models: [{ name: "command-a-03-2025", endpoints: ["chat"], context_length: 288000 }],
        next_page_token: "bQ==",
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, { id: "6f3e9a52-0d7b-4b7a-9d0e-3f0c5b1f7a11", message: "invalid api token" }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: models(403, { id: "6f3e9a52-0d7b-4b7a-9d0e-3f0c5b1f7a12", message: "not permitted" }),
      verdict: "insufficient_scope",
    },
  ],
};
