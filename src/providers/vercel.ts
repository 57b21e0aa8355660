import { provider } from "./provider.ts";

export const vercel = provider({
  name: "vercel",
  title: "Vercel",
  category: "infrastructure",
  type: "api_key",
  fields: {
    token: { type: "secret", required: true, shape: "^(?:vcp_[A-Za-z0-9]+|[A-Za-z0-9]{24})$" },
    team_id: { type: "string", required: false },
  },
  base_url: "https://api.vercel.com",
  docs_url: "https://vercel.com/docs/rest-api/authentication/get-auth-token-metadata",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/v5/user/tokens/current",
        headers: { authorization: "Bearer {token}" },
        rules: [
          { status: [200], verdict: "valid" },
          // A wrong token is forbidden here, as is a right one that may not.
          { status: [403], body: { path: "error.invalidToken", equals: true }, verdict: "invalid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        expires_at: { from: { path: "token.expiresAt" }, format: "unix_ms" },
        // The name in the answer is the token's own and changes with it: no identity.
        scopes: { from: { path: "token.scopes[].type" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a full-access token: POST /v3/user/tokens, then DELETE /v3/user/tokens/{id} of the old one",
  },
  negative_control: { fields: { token: "0".repeat(24) }, verdict: "invalid" },
  unproven: true,
});
