import { provider } from "./provider.ts";

export const pinecone = provider({
  name: "pinecone",
  title: "Pinecone",
  category: "data",
  type: "api_key",
  fields: {
    api_key: {
      type: "secret",
      required: true,
      shape: "^(?:pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}|[0-9a-f-]{36})$",
    },
  },
  base_url: "https://api.pinecone.io",
  docs_url: "https://docs.pinecone.io/reference/api/control-plane/list_indexes",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/indexes",
        headers: { "api-key": "{api_key}", "x-pinecone-api-version": "2025-10", accept: "application/json" },
        rules: [
          { status: [200], body: { path: "indexes", exists: true }, verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a service account: POST the project's api-keys at /admin, then DELETE the old one",
  },
  negative_control: { fields: { api_key: `pcsk_00000_${"0".repeat(63)}` }, verdict: "invalid" },
});
