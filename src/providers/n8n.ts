import { provider } from "./provider.ts";

export const n8n = provider({
  name: "n8n",
  title: "n8n API key",
  category: "developer",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^(?:eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|n8n_api_[a-f0-9]+)$" },
    base_url: { type: "string", required: true, shape: "^https?://" },
  },
  base_url: "{base_url}",
  docs_url: "https://docs.n8n.io/api/authentication/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        // Of the few paths that need no scope.
        path: "/api/v1/credentials/schema/n8nApi",
        headers: { "x-n8n-api-key": "{api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        expires_at: { from: { field: "api_key", claim: "exp" }, format: "unix_s" },
        identity: { from: { field: "api_key", claim: "sub" } },
      },
    ],
  },
});
