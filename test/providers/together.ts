/** Together AI: https://docs.together.ai/reference/models-1 */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "tgp_v1_fixture_together_0001";
const fields = { api_key: key };

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.together.xyz",
      path: "/v1/models",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const together: PlayedProvider = {
  provider: "together",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(200, [
        { id: "meta-llama/Llama-3.3-70B-Instruct-Turbo", object: "model", created: 1733466629, type: "chat" },
      ]),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, {
        id: "oAbCdEf-4yUbBN-9a1b2c3d4e5f",
        error: {
          message: "Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.",
          type: "invalid_request_error",
          param: null,
          code: "invalid_api_key",
        },
      }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: models(403, {
        error: { message: "Access denied", type: "permission_error", param: null, code: null },
      }),
      verdict: "insufficient_scope",
    },
  ],
};
