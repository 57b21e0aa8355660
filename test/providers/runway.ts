/** Runway: https://docs.dev.runwayml.com/api — the version header is mandatory. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "key_fixture_runway_0001";
const fields = { api_key: key };

function organization(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.dev.runwayml.com",
      path: "/v1/organization",
      headers: { authorization: `Bearer ${key}`, "x-runway-version": "2024-11-06" },
      answer: { status, body },
    },
  ];
}

export const runway: PlayedProvider = {
  provider: "runway",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: organization(200, {
        tier: { maxMonthlyCreditSpend: 10000, models: { gen4_turbo: { maxConcurrentGenerations: 1 } } },
        creditBalance: 990,
        usage: { models: { gen4_turbo: { dailyGenerations: 3 } } },
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: organization(401, { error: "The API key provided is not valid." }),
      verdict: "invalid",
    },
    {
      name: "a version that is not spoken any more",
      fields,
      exchanges: organization(400, { error: "Invalid API version in the X-Runway-Version header." }),
      verdict: "unknown",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: organization(403, { error: "This key may not read the organization." }),
      verdict: "insufficient_scope",
    },
  ],
};
