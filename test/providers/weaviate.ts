import type { PlayedProvider } from "./played-provider.ts";

const fields = { url: "https://weaviate.harbour.example", api_key: "fixture-weaviate-0001-Ws91kd" };
const ownInfo = {
  method: "GET",
  origin: "https://weaviate.harbour.example",
  path: "/v1/users/own-info",
  headers: { authorization: "Bearer fixture-weaviate-0001-Ws91kd" },
} as const;
const nodes = { ...ownInfo, path: "/v1/nodes" } as const;
const noSuchPath = {
  ...ownInfo,
  answer: { status: 404, body: { code: 404, message: "path /v1/users/own-info was not found" } },
};
const invalidKey = {
  status: 401,
  body: { code: 401, message: "unauthorized: invalid api key, please provide a valid api key" },
};
const forbidden = {
  status: 403,
  body: { error: [{ message: "rbac: authorization, forbidden action: user 'indexer'" }] },
};

/** What Weaviate says of the user behind a key; before 1.30 it lists its nodes to whom it knows. */
export const weaviate: PlayedProvider = {
  provider: "weaviate",
  cases: [
    {
      name: "a key of a user with a role",
      fields,
      exchanges: [
        {
          ...ownInfo,
          answer: {
            status: 200,
            body: {
              groups: [],
              roles: [
                { name: "viewer", permissions: [{ action: "read_collections", collections: { collection: "*" } }] },
              ],
              username: "indexer",
            },
          },
        },
      ],
      verdict: "valid",
      scopes: ["viewer"],
      identity: "indexer",
    },
    {
      name: "a wrong key",
      fields,
      exchanges: [{ ...ownInfo, answer: invalidKey }],
      verdict: "invalid",
    },
    {
      name: "a user without any permission",
      fields,
      exchanges: [{ ...ownInfo, answer: forbidden }],
      verdict: "insufficient_scope",
    },
    {
      name: "a key of an older server",
      fields,
      exchanges: [
        noSuchPath,
        {
          ...nodes,
          answer: { status: 200, body: { nodes: [{ name: "weaviate-0", status: "HEALTHY", version: "1.28.4" }] } },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a wrong key of an older server",
      fields,
      exchanges: [noSuchPath, { ...nodes, answer: invalidKey }],
      verdict: "invalid",
    },
    {
      name: "a user of an older server who may not see its nodes",
      fields,
      exchanges: [noSuchPath, { ...nodes, answer: forbidden }],
      verdict: "insufficient_scope",
    },
  ],
};
