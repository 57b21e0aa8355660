import { provider } from "./provider.ts";

export const brevo = provider({
  name: "brevo",
  title: "Brevo",
  category: "email",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}$" },
  },
  base_url: "https://api.brevo.com/v3",
  docs_url: "https://developers.brevo.com/reference/getaccount",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/account",
        headers: { "api-key": "{api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          // The account's address list refuses with the same code as a wrong key.
          {
            status: [401],
            body: { contains: "unrecognised ip" },
            verdict: "unknown",
            note: "this address is not on the account's list",
          },
          { status: [401], body: { path: "code", equals: "unauthorized" }, verdict: "invalid" },
        ],
        identity: { from: { path: "email" } },
      },
    ],
  },
  negative_control: { fields: { api_key: `xkeysib-${"0".repeat(64)}-${"0".repeat(16)}` }, verdict: "invalid" },
});
