import { provider } from "./provider.ts";

export const weaviate = provider({
  name: "weaviate",
  title: "Weaviate",
  category: "data",
  type: "api_key",
  fields: {
    url: { type: "string", required: true, shape: "^https?://" },
    api_key: { type: "secret", required: true },
  },
  base_url: "{url}",
  docs_url: "https://docs.weaviate.io/weaviate/configuration/rbac/manage-users",
  check: {
    kind: "http",
    // The meta and readiness endpoints are open to everybody and prove nothing.
    steps: [
      {
        method: "GET",
        path: "/v1/users/own-info",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
          // Before 1.30.
          { status: [404], verdict: "next" },
        ],
        scopes: { from: { path: "roles[].name" } },
        identity: { from: { path: "username" } },
      },
      {
        method: "GET",
        path: "/v1/nodes",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "in_place",
    how: "with a role that manages users: POST /v1/users/db/{user_id}/rotate-key; the old key ends at once",
  },
});
