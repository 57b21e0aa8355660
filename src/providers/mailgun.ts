import { provider, type Rule } from "./provider.ts";

const rules = [
  { status: [200], verdict: "valid" },
  { status: [401], verdict: "invalid", note: "or a key of the other region" },
  { status: [403], verdict: "insufficient_scope" },
] satisfies Rule[];

export const mailgun = provider({
  name: "mailgun",
  title: "Mailgun",
  category: "email",
  type: "basic",
  fields: {
    api_key: {
      type: "secret",
      required: true,
      shape: "^(?:key-[a-z0-9]{32}|[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8})$",
    },
    region: { type: "string", required: false, shape: "^(?:us|eu)$", default: "us" },
    kind: {
      type: "string",
      required: false,
      shape: "^(?:account|sending)$",
      default: "account",
      note: "sending: a key of one domain. Mailgun answers it as a wrong one wherever it may not send, so it is not asked",
    },
  },
  base_url: "https://api.mailgun.net",
  docs_url: "https://documentation.mailgun.com/docs/mailgun/api-reference/",
  check: {
    kind: "http",
    steps: [
      {
        when: [
          { field: "kind", equals: "account" },
          { field: "region", equals: "us" },
        ],
        method: "GET",
        path: "/v3/domains?limit=1",
        auth: { kind: "basic", user: "api", password: "{api_key}" },
        rules,
      },
      {
        when: [
          { field: "kind", equals: "account" },
          { field: "region", equals: "eu" },
        ],
        method: "GET",
        base_url: "https://api.eu.mailgun.net",
        path: "/v3/domains?limit=1",
        auth: { kind: "basic", user: "api", password: "{api_key}" },
        rules,
      },
    ],
  },
  rotation: { mode: "dual_phase", how: "with an admin key: POST /v1/keys, then DELETE /v1/keys/{id} of the old one" },
  negative_control: { fields: { api_key: `key-${"0".repeat(32)}` }, verdict: "invalid" },
});
