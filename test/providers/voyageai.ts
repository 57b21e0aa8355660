/** Voyage AI: https://docs.voyageai.com/docs/error-codes */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "pa-fixture-voyageai-0001";
const fields = { api_key: key };

function files(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.voyageai.com",
      path: "/v1/files",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const voyageai: PlayedProvider = {
  provider: "voyageai",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: files(200, { object: "list", data: [], has_more: false, first_id: null, last_id: null }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: files(401, { detail: "Provided API key is invalid." }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: files(403, { detail: "This key may not list files." }),
      verdict: "insufficient_scope",
    },
  ],
};
