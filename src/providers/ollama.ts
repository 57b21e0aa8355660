import { provider } from "./provider.ts";

export const ollama = provider({
  name: "ollama",
  title: "Ollama",
  category: "llm",
  type: "api_key",
  fields: {
    base_url: { type: "string", required: true, shape: "^https?://" },
    api_key: { type: "secret", required: false, note: "Ollama itself asks for none; a proxy before it may" },
  },
  base_url: "{base_url}",
  docs_url: "https://github.com/ollama/ollama/blob/main/docs/api.md",
  check: {
    kind: "http",
    // A server that answers everybody says nothing about a key: ask with it, then without.
    steps: [
      {
        when: [{ field: "api_key", is: "present" }],
        method: "GET",
        path: "/api/tags",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "next" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
      {
        when: [{ field: "api_key", is: "present" }],
        method: "GET",
        path: "/api/tags",
        rules: [
          { status: [200], verdict: "not_checkable", note: "reachable, and answers without the key as well" },
          { status: [401, 403], verdict: "valid" },
        ],
      },
      {
        when: [{ field: "api_key", is: "absent" }],
        method: "GET",
        path: "/api/tags",
        rules: [{ status: [200], verdict: "not_checkable", note: "reachable, and asks for no key" }],
      },
    ],
  },
  negative_control: {
    fields: { base_url: "http://localhost:11434", api_key: "0".repeat(32) },
    verdict: "not_checkable",
    without_key: "not_checkable",
  },
});
