import type { PlayedProvider } from "./played-provider.ts";

const fields = { url: "https://vectors.harbour.example:6333", api_key: "fixture-qdrant-0001-Jd83mf" };
const collections = {
  method: "GET",
  origin: "https://vectors.harbour.example:6333",
  path: "/collections",
  headers: { "api-key": "fixture-qdrant-0001-Jd83mf", authorization: undefined },
} as const;

const listed = {
  status: 200,
  body: { result: { collections: [{ name: "articles" }] }, status: "ok", time: 0.000021 },
};

const withoutKey = { ...collections, headers: { "api-key": undefined, authorization: undefined } } as const;
const keyWanted = {
  status: 401,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "Must provide an API key or an Authorization bearer token",
};

const web = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");
const token = `${web({ alg: "HS256", typ: "JWT" })}.${web({ access: "r", exp: 1_830_297_600 })}.fixture-qdrant-0002`;

/** Qdrant's list of collections, self-hosted and in its cloud. */
export const qdrant: PlayedProvider = {
  provider: "qdrant",
  cases: [
    {
      name: "a key of a server of one's own",
      fields,
      exchanges: [
        { ...collections, answer: listed },
        { ...withoutKey, answer: keyWanted },
      ],
      verdict: "valid",
    },
    {
      name: "a key of the cloud, whose gate refuses strangers with another status",
      fields,
      exchanges: [
        { ...collections, answer: listed },
        { ...withoutKey, answer: { status: 403, body: { error: "forbidden" } } },
      ],
      verdict: "valid",
    },
    {
      name: "a server that asks nobody for a key",
      fields,
      exchanges: [
        { ...collections, answer: listed },
        { ...withoutKey, answer: listed },
      ],
      verdict: "not_checkable",
    },
    {
      name: "a server at this address that is no Qdrant",
      fields,
      exchanges: [{ ...collections, answer: { status: 200, body: { collections: [] } } }],
      verdict: "unknown",
    },
    {
      name: "a JSON Web Token with an end",
      fields: { ...fields, api_key: token },
      exchanges: [
        { ...collections, headers: { "api-key": token }, answer: listed },
        { ...withoutKey, answer: keyWanted },
      ],
      verdict: "valid",
      expiresAt: "2028-01-01T00:00:00.000Z",
    },
    {
      name: "a wrong key",
      fields,
      exchanges: [
        {
          ...collections,
          answer: {
            status: 401,
            headers: { "content-type": "text/plain; charset=utf-8" },
            body: "Invalid API key or JWT",
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a token that may read other collections only",
      fields,
      exchanges: [
        {
          ...collections,
          answer: {
            status: 403,
            body: { status: { error: "Forbidden: Global access is required" }, time: 0.000012 },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "the gate of the cloud, which refuses wrong keys with the same status",
      fields: {
        url: "https://3f1c9a1e.eu-central-1-0.aws.cloud.qdrant.io:6333",
        api_key: "fixture-qdrant-0003-Lq02xs",
      },
      exchanges: [
        {
          method: "GET",
          origin: "https://3f1c9a1e.eu-central-1-0.aws.cloud.qdrant.io:6333",
          path: "/collections",
          headers: { "api-key": "fixture-qdrant-0003-Lq02xs" },
          answer: { status: 403, body: { error: "forbidden" } },
        },
      ],
      verdict: "unknown",
    },
  ],
};
