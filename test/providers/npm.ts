import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "npm_fixture_npm_0001_Xy7Qe3" };
const whoami = {
  method: "GET",
  origin: "https://registry.npmjs.org",
  path: "/-/whoami",
  headers: { authorization: "Bearer npm_fixture_npm_0001_Xy7Qe3" },
} as const;

/** The registry's user behind a token. */
export const npm: PlayedProvider = {
  provider: "npm",
  cases: [
    {
      name: "a token of a user",
      fields,
      exchanges: [{ ...whoami, answer: { status: 200, body: { username: "harbour-publisher" } } }],
      verdict: "valid",
      identity: "harbour-publisher",
    },
    {
      name: "a revoked token",
      fields,
      exchanges: [{ ...whoami, answer: { status: 401, body: { error: "Unauthorized" } } }],
      verdict: "invalid",
    },
    {
      name: "a token asked from outside its range of addresses",
      fields,
      exchanges: [{ ...whoami, answer: { status: 403, body: { error: "Forbidden" } } }],
      verdict: "unknown",
    },
  ],
};
