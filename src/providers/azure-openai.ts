import { provider } from "./provider.ts";

export const azureOpenai = provider({
  name: "azure_openai",
  title: "Azure OpenAI",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^(?:[a-f0-9]{32}|[A-Za-z0-9]{84})$" },
    endpoint: {
      type: "string",
      required: true,
      shape: "^https://[a-z0-9-]+\\.(?:openai|cognitiveservices|services\\.ai)\\.azure\\.com/?$",
    },
    api_version: { type: "string", required: false, default: "2024-10-21" },
  },
  base_url: "{endpoint}",
  docs_url: "https://learn.microsoft.com/azure/ai-services/openai/reference",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/openai/models?api-version={api_version}",
        headers: { "api-key": "{api_key}" },
        rules: [
          // The endpoint is the user's: another server's 200 is no answer. The list is longer than what is read of it.
          { status: [200], body: { contains: '"data"' }, verdict: "valid" },
          { status: [401], verdict: "invalid" },
          // No rule for 403: the resource's firewall, not the key.
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "change over to the resource's other key, then POST regenerateKey for this one",
  },
  negative_control: {
    fields: { api_key: "0".repeat(32), endpoint: "https://example.openai.azure.com" },
    verdict: "invalid",
  },
});
