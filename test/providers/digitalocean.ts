import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "dop_v1_fixture_digitalocean_0001_5c" };
const account = {
  method: "GET",
  origin: "https://api.digitalocean.com",
  path: "/v2/account",
  headers: { authorization: "Bearer dop_v1_fixture_digitalocean_0001_5c" },
} as const;

/** DigitalOcean's account behind a token. */
export const digitalocean: PlayedProvider = {
  provider: "digitalocean",
  cases: [
    {
      name: "a token of a team",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 200,
            body: {
              account: {
                droplet_limit: 25,
                floating_ip_limit: 5,
                email: "ops@harbour.example",
                uuid: "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
                email_verified: true,
                status: "active",
                status_message: "",
                team: { name: "Harbour", uuid: "5df3e3004a17e242b7c20ca6c9fc25b701a47ece" },
              },
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a wrong token",
      fields,
      exchanges: [
        { ...account, answer: { status: 401, body: { id: "Unauthorized", message: "Unable to authenticate you" } } },
      ],
      verdict: "invalid",
    },
    {
      name: "a refusal with another id",
      fields,
      exchanges: [{ ...account, answer: { status: 401, body: { message: "Unable to authenticate you" } } }],
      verdict: "invalid",
    },
    {
      name: "a token without account:read",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 403,
            body: { id: "Forbidden", message: "You are not authorized to perform this operation" },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
