import { provider } from "./provider.ts";

/** What takes another header, or means something else by its statuses, is a provider of the user's own. */
export const genericHttpBearer = provider({
  name: "generic_http_bearer",
  title: "HTTP API with a bearer token",
  category: "generic",
  type: "api_key",
  fields: {
    base_url: { type: "string", required: true, shape: "^https?://" },
    check_path: {
      type: "string",
      required: true,
      shape: "^/",
      note: "a path that only a holder of the secret may read",
    },
    secret: { type: "secret", required: true },
  },
  base_url: "{base_url}",
  check: {
    kind: "http",
    // A path that answers everybody says nothing about a secret: ask with it, then without.
    steps: [
      {
        method: "GET",
        path: "{check_path}",
        headers: { authorization: "Bearer {secret}" },
        rules: [
          { status: ["2xx"], verdict: "next" },
          { status: [401], verdict: "invalid" },
        ],
        expires_at: { from: { field: "secret", claim: "exp" }, format: "unix_s" },
        scopes: { from: { field: "secret", claim: "scope" }, separator: " " },
        identity: { from: { field: "secret", claim: "sub" } },
      },
      {
        method: "GET",
        path: "{check_path}",
        rules: [
          { status: ["2xx"], verdict: "not_checkable", note: "it answers without the secret as well" },
          // Some hide what one may not see.
          { status: [400, 401, 403, 404], verdict: "valid" },
        ],
      },
    ],
  },
});
