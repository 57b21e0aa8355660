import type { PlayedProvider } from "./played-provider.ts";

const web = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");
const claims = { sub: "5f1c9a1e-8d0b-4d6e-9d3f-2a8f3f1b7c40", iss: "n8n", aud: "public-api", iat: 1_795_000_000 };
const key = `${web({ alg: "HS256", typ: "JWT" })}.${web({ ...claims, exp: 1_830_297_600 })}.fixture-n8n-0001`;

const fields = { api_key: key, base_url: "https://flows.harbour.example" };
const schema = {
  method: "GET",
  origin: "https://flows.harbour.example",
  path: "/api/v1/credentials/schema/n8nApi",
  headers: { "x-n8n-api-key": key, authorization: undefined },
} as const;

const known = {
  status: 200,
  body: {
    additionalProperties: false,
    type: "object",
    properties: { apiKey: { type: "string" }, baseUrl: { type: "string" } },
    required: ["apiKey", "baseUrl"],
  },
};

/** n8n's schema of its own credential, which needs a key and no scope for workflows. */
export const n8n: PlayedProvider = {
  provider: "n8n",
  cases: [
    {
      name: "a key with an end",
      fields,
      exchanges: [{ ...schema, answer: known }],
      verdict: "valid",
      expiresAt: "2028-01-01T00:00:00.000Z",
      identity: "5f1c9a1e-8d0b-4d6e-9d3f-2a8f3f1b7c40",
    },
    {
      name: "a key of the older form",
      fields: { ...fields, api_key: "n8n_api_fixture_n8n_0002_c5" },
      exchanges: [{ ...schema, headers: { "x-n8n-api-key": "n8n_api_fixture_n8n_0002_c5" }, answer: known }],
      verdict: "valid",
    },
    {
      name: "a deleted key",
      fields,
      exchanges: [{ ...schema, answer: { status: 401, body: { message: "unauthorized" } } }],
      verdict: "invalid",
    },
    {
      name: "a key without the scope",
      fields,
      exchanges: [{ ...schema, answer: { status: 403, body: { message: "Forbidden" } } }],
      verdict: "insufficient_scope",
    },
    {
      name: "a server whose public API is off",
      fields,
      exchanges: [{ ...schema, answer: { status: 404, body: { message: "not found" } } }],
      verdict: "unknown",
    },
  ],
};
