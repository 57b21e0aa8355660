import { provider } from "./provider.ts";

export const fireworks = provider({
  name: "fireworks",
  title: "Fireworks AI",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true },
    account_id: { type: "string", required: false, note: "for rotation" },
  },
  base_url: "https://api.fireworks.ai",
  docs_url: "https://docs.fireworks.ai/api-reference/introduction",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/inference/v1/models",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "POST the user's apiKeys of the account, then POST apiKeys:delete for the old one",
  },
  negative_control: { fields: { api_key: `fw_${"0".repeat(24)}` }, verdict: "invalid", without_key: "invalid" },
  unproven: true,
});
