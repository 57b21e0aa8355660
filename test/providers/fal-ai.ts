/**
 * fal.ai: https://docs.fal.ai/platform-apis/for-models — its Platform API refuses
 * keys of the API scope like keys that do not exist; the queue tells them apart.
 */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "00000000-aaaa-bbbb-cccc-000000000001:fixture-fal-ai-0001";
const fields = { api_key: key };
const headers = { authorization: `Key ${key}` };

function prices(status: number, body: unknown): PlayedExchange {
  return {
    method: "GET",
    origin: "https://api.fal.ai",
    path: "/v1/models/pricing?endpoint_id=fal-ai/flux/dev",
    headers,
    answer: { status, body },
  };
}

function queue(status: number, body: unknown): PlayedExchange {
  return {
    method: "GET",
    origin: "https://queue.fal.run",
    path: "/fal-ai/flux/requests/00000000-0000-0000-0000-000000000000/status",
    headers,
    answer: { status, body },
  };
}

function error(type: string, message: string) {
  return { error: { type, message, docs_url: "https://docs.fal.ai/errors", request_id: "req_1234567890" } };
}

const refused = prices(401, error("authorization_error", "Authentication required to access this resource"));
const forbidden = prices(403, error("authorization_error", "Access denied"));

export const falAi: PlayedProvider = {
  provider: "fal_ai",
  cases: [
    {
      name: "a key of the admin scope",
      fields,
      exchanges: [
        prices(200, {
          prices: [{ endpoint_id: "fal-ai/flux/dev", unit_price: 0.025, unit: "image", currency: "USD" }],
          next_cursor: null,
          has_more: false,
        }),
      ],
      verdict: "valid",
    },
    {
      name: "a key of the API scope: the queue does not know the request",
      fields,
      exchanges: [refused, queue(404, { detail: "Request not found" })],
      verdict: "valid",
    },
    {
      name: "a key of the API scope: the queue dislikes the request id",
      fields,
      exchanges: [
        refused,
        queue(422, { detail: [{ loc: ["path", "request_id"], msg: "Invalid request id", type: "value_error" }] }),
      ],
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: [refused, queue(401, { detail: "Cannot access application. Authentication is required." })],
      verdict: "invalid",
    },
    {
      name: "a queue that forbids without a reason",
      fields,
      exchanges: [refused, queue(403, { detail: "Forbidden" })],
      verdict: "unknown",
    },
    {
      name: "a key that may not see prices and may run models",
      fields,
      exchanges: [forbidden, queue(404, { detail: "Request not found" })],
      verdict: "valid",
    },
    {
      name: "a key that may not see prices because it does not exist",
      fields,
      exchanges: [forbidden, queue(401, { detail: "Cannot access application. Authentication is required." })],
      verdict: "invalid",
    },
  ],
};
