/** Moonshot (Kimi): https://platform.moonshot.ai/docs/api — two regions with keys of their own. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk-fixture-moonshot-0001";
const fields = { api_key: key };
const china = "https://api.moonshot.cn";

function models(status: number, body: unknown, origin = "https://api.moonshot.ai"): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin,
      path: "/v1/models",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

const list = { object: "list", data: [{ id: "kimi-k2-0905-preview", object: "model", owned_by: "moonshot" }] };
const refused = { error: { message: "Invalid Authentication", type: "invalid_authentication_error" } };

export const moonshot: PlayedProvider = {
  provider: "moonshot",
  cases: [
    { name: "a key", fields, exchanges: models(200, list), verdict: "valid" },
    {
      name: "a key of the region outside of China",
      fields: { ...fields, region: "ai" },
      exchanges: models(200, list),
      verdict: "valid",
    },
    {
      name: "a key of the Chinese region",
      fields: { ...fields, region: "cn" },
      exchanges: models(200, list, china),
      verdict: "valid",
    },
    { name: "a key that does not exist", fields, exchanges: models(401, refused), verdict: "invalid" },
    {
      name: "a key that does not exist in the Chinese region",
      fields: { ...fields, region: "cn" },
      exchanges: models(401, refused, china),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: models(403, { error: { message: "Permission denied", type: "permission_denied_error" } }),
      verdict: "insufficient_scope",
    },
    {
      name: "a key without the permission in the Chinese region",
      fields: { ...fields, region: "cn" },
      exchanges: models(403, { error: { message: "Permission denied", type: "permission_denied_error" } }, china),
      verdict: "insufficient_scope",
    },
  ],
};
