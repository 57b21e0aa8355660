import { provider } from "./provider.ts";

export const langfuse = provider({
  name: "langfuse",
  title: "Langfuse",
  category: "observability",
  type: "basic",
  fields: {
    public_key: { type: "string", required: true, shape: "^pk-lf-[0-9a-f-]{36}$" },
    secret_key: { type: "secret", required: true, shape: "^sk-lf-[0-9a-f-]{36}$" },
    base_url: {
      type: "string",
      required: false,
      shape: "^https?://",
      default: "https://cloud.langfuse.com",
      note: "https://us.cloud.langfuse.com in the US, or your own server",
    },
  },
  base_url: "{base_url}",
  docs_url: "https://langfuse.com/docs/api",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/api/public/projects",
        auth: { kind: "basic", user: "{public_key}", password: "{secret_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid", note: "or keys of another region" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        identity: { from: { path: "data[].name" } },
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with an organisation's key: POST /api/public/projects/{project_id}/apiKeys, then DELETE the old one",
  },
  negative_control: {
    fields: {
      public_key: "pk-lf-00000000-0000-0000-0000-000000000000",
      secret_key: "sk-lf-00000000-0000-0000-0000-000000000000",
    },
    verdict: "invalid",
  },
});
