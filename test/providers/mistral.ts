/** Mistral AI: https://docs.mistral.ai/api/#tag/models */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "fixture-mistral-0001";
const fields = { api_key: key };

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.mistral.ai",
      path: "/v1/models",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const mistral: PlayedProvider = {
  provider: "mistral",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(200, {
        object: "list",
        data: [{ id: "mistral-small-latest", object: "model", owned_by: "mistralai" }],
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, { detail: "Unauthorized" }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: models(403, { object: "error", message: "Forbidden", type: "permission_error", code: null }),
      verdict: "insufficient_scope",
    },
  ],
};
