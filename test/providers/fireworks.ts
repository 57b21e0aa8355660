/** Fireworks AI: https://docs.fireworks.ai/api-reference — an account without credit is suspended, its key is not. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "fw_fixture_fireworks_0001";
const fields = { api_key: key };

function models(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.fireworks.ai",
      path: "/inference/v1/models",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const fireworks: PlayedProvider = {
  provider: "fireworks",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: models(200, {
        object: "list",
        data: [{ id: "accounts/fireworks/models/llama-v3p3-70b-instruct", object: "model", owned_by: "fireworks" }],
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(401, {
        error: { object: "error", type: "invalid_request_error", code: "unauthorized", message: "Unauthorized" },
      }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: models(403, {
        error: { object: "error", type: "invalid_request_error", code: "forbidden", message: "Forbidden" },
      }),
      verdict: "insufficient_scope",
    },
    {
      name: "a suspended account",
      fields,
      exchanges: models(412, {
        error: {
          object: "error",
          type: "invalid_request_error",
          code: "precondition_failed",
          message: "Account fixture-lab is suspended, possibly due to reaching the monthly spending limit.",
        },
      }),
      verdict: "unknown",
    },
  ],
};
