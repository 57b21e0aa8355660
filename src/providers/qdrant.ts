import { provider } from "./provider.ts";

export const qdrant = provider({
  name: "qdrant",
  title: "Qdrant",
  category: "data",
  type: "api_key",
  fields: {
    url: { type: "string", required: true, shape: "^https?://" },
    api_key: { type: "secret", required: true },
  },
  base_url: "{url}",
  docs_url: "https://qdrant.tech/documentation/guides/security/",
  check: {
    kind: "http",
    // A server without a key configured answers everybody: ask with it, then without.
    steps: [
      {
        method: "GET",
        path: "/collections",
        headers: { "api-key": "{api_key}" },
        rules: [
          { status: [200], body: { path: "result.collections", exists: true }, verdict: "next" },
          { status: [401], verdict: "invalid" },
          // Qdrant's own refusal of a narrower token. Its cloud refuses an unknown key with 403, too.
          { status: [403], body: { contains: "access is required" }, verdict: "insufficient_scope" },
        ],
        expires_at: { from: { field: "api_key", claim: "exp" }, format: "unix_s" },
      },
      {
        method: "GET",
        path: "/collections",
        rules: [
          { status: [200], verdict: "not_checkable", note: "it answers without the key as well" },
          { status: [401, 403], verdict: "valid" },
        ],
      },
    ],
  },
  unproven: true,
});
