/** Midjourney has no API; asking Discord with a user's token would break its terms. Nothing may be sent. */
import type { PlayedProvider } from "./played-provider.ts";

export const midjourney: PlayedProvider = {
  provider: "midjourney",
  cases: [
    {
      name: "a user's token, which nobody may try",
      fields: { discord_token: "fixture-midjourney-discord-0001", server_id: "662267976984297473" },
      exchanges: [],
      verdict: "not_checkable",
    },
  ],
};
