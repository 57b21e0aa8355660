/** Cerebras: https://inference-docs.cerebras.ai/api-reference/models */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "csk-fixture-cerebras-0001";
const fields = { api_key: key };

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.cerebras.ai",
      path: "/v1/models",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const cerebras: PlayedProvider = {
  provider: "cerebras",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(200, {
        object: "list",
        data: [{ id: "llama3.1-8b", object: "model", created: 1721692800, owned_by: "Meta" }],
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, {
        message: "Wrong API Key",
        type: "invalid_request_error",
        param: "api_key",
        code: "wrong_api_key",
      }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: models(403, {
        message: "Permission denied",
        type: "permission_denied_error",
        param: null,
        code: "permission_denied",
      }),
      verdict: "insufficient_scope",
    },
  ],
};
