import { provider } from "./provider.ts";

export const nvidiaNim = provider({
  name: "nvidia_nim",
  title: "NVIDIA NIM",
  category: "llm",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^nvapi-[A-Za-z0-9_-]{64}$" },
  },
  base_url: "https://api.nvcf.nvidia.com/v2/nvcf",
  docs_url: "https://docs.api.nvidia.com/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/functions",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  negative_control: { fields: { api_key: `nvapi-${"0".repeat(64)}` }, verdict: "invalid", without_key: "invalid" },
  unproven: true,
});
