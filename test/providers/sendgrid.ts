/** Twilio SendGrid: https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions — every key may read its scopes. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "SG.fixture-sendgrid.0001";
const fields = { api_key: key };

function scopesOf(status: number, body: unknown, origin = "https://api.sendgrid.com"): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin,
      path: "/v3/scopes",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

const granted = { scopes: ["mail.send", "sender_verification_eligible"] };

export const sendgrid: PlayedProvider = {
  provider: "sendgrid",
  cases: [
    {
      name: "a key that may only send",
      fields,
      exchanges: scopesOf(200, granted),
      verdict: "valid",
      scopes: granted.scopes,
    },
    {
      name: "a key of the global region",
      fields: { ...fields, region: "global" },
      exchanges: scopesOf(200, granted),
      verdict: "valid",
      scopes: granted.scopes,
    },
    {
      name: "a key of a European subuser",
      fields: { ...fields, region: "eu" },
      exchanges: scopesOf(200, granted, "https://api.eu.sendgrid.com"),
      verdict: "valid",
      scopes: granted.scopes,
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: scopesOf(401, {
        errors: [{ field: null, message: "The provided authorization grant is invalid, expired, or revoked" }],
      }),
      verdict: "invalid",
    },
    {
      name: "a key of a European subuser that does not exist",
      fields: { ...fields, region: "eu" },
      exchanges: scopesOf(
        401,
        { errors: [{ field: null, message: "The provided authorization grant is invalid, expired, or revoked" }] },
        "https://api.eu.sendgrid.com",
      ),
      verdict: "invalid",
    },
    {
      name: "an address that the account does not allow",
      fields,
      exchanges: scopesOf(403, { errors: [{ field: null, message: "access forbidden" }] }),
      verdict: "unknown",
    },
  ],
};
