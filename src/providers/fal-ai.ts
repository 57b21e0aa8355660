import { provider } from "./provider.ts";

export const falAi = provider({
  name: "fal_ai",
  title: "fal.ai",
  category: "media",
  type: "api_key",
  fields: {
    api_key: {
      type: "secret",
      required: true,
      shape: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{32}$",
      note: "the key's id, a colon, its secret",
    },
  },
  base_url: "https://api.fal.ai/v1",
  docs_url: "https://docs.fal.ai/platform-apis/for-models",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/models/pricing?endpoint_id=fal-ai/flux/dev",
        headers: { authorization: "Key {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          // Keys that may only run models are refused here like dead ones: the queue knows them apart.
          { status: [401, 403], verdict: "next" },
        ],
      },
      {
        method: "GET",
        base_url: "https://queue.fal.run",
        path: "/fal-ai/flux/requests/00000000-0000-0000-0000-000000000000/status",
        headers: { authorization: "Key {api_key}" },
        rules: [
          { status: [404, 422], verdict: "valid" },
          { status: [401], verdict: "invalid" },
        ],
      },
    ],
  },
  negative_control: {
    fields: { api_key: `00000000-0000-0000-0000-000000000000:${"0".repeat(32)}` },
    verdict: "invalid",
    without_key: "invalid",
  },
  unproven: true,
});
