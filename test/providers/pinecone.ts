import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "pcsk_fixture_pinecone_0001_Zk3Vb8" };
const indexes = {
  method: "GET",
  origin: "https://api.pinecone.io",
  path: "/indexes",
  headers: {
    "api-key": "pcsk_fixture_pinecone_0001_Zk3Vb8",
    "x-pinecone-api-version": "2025-10",
    authorization: undefined,
  },
} as const;

/** Pinecone's list of indexes. */
export const pinecone: PlayedProvider = {
  provider: "pinecone",
  cases: [
    {
      name: "a key of a project with an index",
      fields,
      exchanges: [
        {
          ...indexes,
          answer: {
            status: 200,
            body: {
              indexes: [
                {
                  name: "articles",
                  metric: "cosine",
                  dimension: 1536,
                  host: "articles-a1b2c3d.svc.aped-4627-b74a.pinecone.io",
                  deletion_protection: "disabled",
                  spec: { serverless: { cloud: "aws", region: "us-east-1" } },
                  status: { ready: true, state: "Ready" },
                },
              ],
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a key of a project without an index",
      fields,
      exchanges: [{ ...indexes, answer: { status: 200, body: { indexes: [] } } }],
      verdict: "valid",
    },
    {
      name: "an answer that is not the list",
      fields,
      exchanges: [{ ...indexes, answer: { status: 200, body: { status: "ok" } } }],
      verdict: "unknown",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: [
        {
          ...indexes,
          answer: {
            status: 401,
            body: { error: { code: "UNAUTHENTICATED", message: "Invalid API key" }, status: 401 },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a key whose role may not list indexes",
      fields,
      exchanges: [
        {
          ...indexes,
          answer: {
            status: 403,
            body: { error: { code: "FORBIDDEN", message: "You are not allowed to list indexes" }, status: 403 },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
