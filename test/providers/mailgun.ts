import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "fixture-mailgun-0001-5e21-9a0b" };
const domains = {
  method: "GET",
  origin: "https://api.mailgun.net",
  path: "/v3/domains?limit=1",
  headers: { authorization: `Basic ${btoa("api:fixture-mailgun-0001-5e21-9a0b")}` },
} as const;
const europeanDomains = { ...domains, origin: "https://api.eu.mailgun.net" } as const;

const listed = {
  status: 200,
  body: {
    total_count: 1,
    items: [{ id: "5f1c9a1e8d0b4d6e9d3f2a8f", name: "mg.harbour.example", state: "active", type: "custom" }],
  },
};

/** Mailgun's list of domains, in both of its regions. */
export const mailgun: PlayedProvider = {
  provider: "mailgun",
  cases: [
    { name: "a key without a region", fields, exchanges: [{ ...domains, answer: listed }], verdict: "valid" },
    {
      name: "a key of the American region",
      fields: { ...fields, region: "us" },
      exchanges: [{ ...domains, answer: listed }],
      verdict: "valid",
    },
    {
      name: "a key of the European region",
      fields: { ...fields, region: "eu" },
      exchanges: [{ ...europeanDomains, answer: listed }],
      verdict: "valid",
    },
    {
      name: "a wrong key",
      fields,
      exchanges: [{ ...domains, answer: { status: 401, body: { message: "Invalid private key" } } }],
      verdict: "invalid",
    },
    {
      name: "a wrong key, answered in plain text, in Europe",
      fields: { ...fields, region: "eu" },
      exchanges: [
        {
          ...europeanDomains,
          answer: { status: 401, headers: { "content-type": "text/plain" }, body: "Forbidden" },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a key that may only send",
      fields,
      exchanges: [{ ...domains, answer: { status: 403, body: { message: "Forbidden" } } }],
      verdict: "insufficient_scope",
    },
    {
      name: "a key that may only send, in Europe",
      fields: { ...fields, region: "eu" },
      exchanges: [{ ...europeanDomains, answer: { status: 403, body: { message: "Forbidden" } } }],
      verdict: "insufficient_scope",
    },
  ],
};
