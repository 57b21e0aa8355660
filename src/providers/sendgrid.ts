import { provider } from "./provider.ts";

export const sendgrid = provider({
  name: "sendgrid",
  title: "Twilio SendGrid",
  category: "email",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^SG\\.[\\w-]{20,24}\\.[\\w-]{39,50}$" },
    region: {
      type: "string",
      required: false,
      shape: "^(?:global|eu)$",
      default: "global",
      note: "global or eu; a key is known in its own region alone",
    },
  },
  base_url: "https://api.sendgrid.com/v3",
  docs_url: "https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions",
  check: {
    kind: "http",
    steps: [
      {
        when: [{ field: "region", equals: "global" }],
        method: "GET",
        path: "/scopes",
        headers: { authorization: "Bearer {api_key}" },
        // No rule for 403: a blocked account or an address list says nothing about the key.
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
        scopes: { from: { path: "scopes" } },
      },
      {
        when: [{ field: "region", equals: "eu" }],
        method: "GET",
        base_url: "https://api.eu.sendgrid.com/v3",
        path: "/scopes",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
        scopes: { from: { path: "scopes" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a key that may manage keys: POST /v3/api_keys, then DELETE /v3/api_keys/{api_key_id} of the old one",
  },
  negative_control: {
    fields: { api_key: `SG.${"0".repeat(22)}.${"0".repeat(43)}` },
    verdict: "invalid",
  },
});
