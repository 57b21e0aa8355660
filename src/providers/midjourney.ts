import { provider } from "./provider.ts";

export const midjourney = provider({
  name: "midjourney",
  title: "Midjourney (through Discord)",
  category: "media",
  type: "api_key",
  fields: {
    discord_token: { type: "secret", required: true },
    server_id: { type: "string", required: true, shape: "^[0-9]{17,20}$" },
  },
  base_url: null,
  docs_url: "https://docs.midjourney.com/",
  check: {
    kind: "none",
    why: "Midjourney has no API, and a program that uses a person's Discord token gets the account banned",
  },
  rotation: { mode: "manual", how: "change the Discord password: that ends every token of the account" },
});
