import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "xkeysib-fixture-brevo-0001-Vt7hQ2" };
const account = {
  method: "GET",
  origin: "https://api.brevo.com",
  path: "/v3/account",
  headers: { "api-key": "xkeysib-fixture-brevo-0001-Vt7hQ2", authorization: undefined },
} as const;

/** Brevo's account; a living key from an address that is not on its list gets the dead key's code. */
export const brevo: PlayedProvider = {
  provider: "brevo",
  cases: [
    {
      name: "a key of an account",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 200,
            body: {
              organization_id: "5f1c9a1e8d0b4d6e9d3f2a8f",
              email: "mail@harbour.example",
              firstName: "Ada",
              lastName: "Harbour",
              companyName: "Harbour Ltd",
              plan: [{ type: "free", creditsType: "sendLimit", credits: 300 }],
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a deleted key",
      fields,
      exchanges: [{ ...account, answer: { status: 401, body: { message: "Key not found", code: "unauthorized" } } }],
      verdict: "invalid",
    },
    {
      name: "an address that is not on the account's list",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 401,
            body: {
              message:
                "We have detected you are using an unrecognised IP address 203.0.113.7. If you performed this action make sure to add the new IP address in this link: https://app.brevo.com/security/authorised_ips",
              code: "unauthorized",
            },
          },
        },
      ],
      verdict: "unknown",
    },
    {
      name: "a refusal with another code",
      fields,
      exchanges: [
        {
          ...account,
          answer: { status: 401, body: { message: "Account under review", code: "account_under_validation" } },
        },
      ],
      verdict: "unknown",
    },
  ],
};
