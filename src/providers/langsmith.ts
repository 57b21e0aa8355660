import { provider } from "./provider.ts";

export const langsmith = provider({
  name: "langsmith",
  title: "LangSmith",
  category: "observability",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}$" },
    workspace_id: { type: "string", required: false, note: "for a key of an organisation with several workspaces" },
    base_url: {
      type: "string",
      required: false,
      shape: "^https?://",
      default: "https://api.smith.langchain.com",
      note: "https://eu.api.smith.langchain.com in the EU, or your own server",
    },
  },
  base_url: "{base_url}",
  docs_url: "https://docs.smith.langchain.com/reference",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/api/v1/sessions?limit=1",
        headers: { "x-api-key": "{api_key}", "x-tenant-id": "{workspace_id?}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          // No rule for 403: another region or a missing workspace gets it, too.
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a key that may: POST /api/v1/api-key, then DELETE /api/v1/api-key/{id} of the old one",
  },
  negative_control: { fields: { api_key: `lsv2_pt_${"0".repeat(32)}_${"0".repeat(10)}` }, verdict: "invalid" },
  unproven: true,
});
