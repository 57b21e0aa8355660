import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "lsv2_pt_fixture_langsmith_0001_b3" };
const sessions = {
  method: "GET",
  origin: "https://api.smith.langchain.com",
  path: "/api/v1/sessions?limit=1",
  headers: { "x-api-key": "lsv2_pt_fixture_langsmith_0001_b3", authorization: undefined },
} as const;

const listed = {
  status: 200,
  body: [
    {
      id: "5f1c9a1e-8d0b-4d6e-9d3f-2a8f3f1b7c40",
      tenant_id: "16d84278-ab0e-484c-9bdd-b35da3bd8905",
      name: "harbour",
      start_time: "2026-05-02T08:00:00.000000",
    },
  ],
};

/** LangSmith's list of tracing projects. */
export const langsmith: PlayedProvider = {
  provider: "langsmith",
  cases: [
    { name: "a key of a workspace", fields, exchanges: [{ ...sessions, answer: listed }], verdict: "valid" },
    {
      name: "a key of a workspace in Europe",
      fields: { ...fields, base_url: "https://eu.api.smith.langchain.com" },
      exchanges: [{ ...sessions, origin: "https://eu.api.smith.langchain.com", answer: listed }],
      verdict: "valid",
    },
    {
      name: "a wrong key",
      fields,
      exchanges: [{ ...sessions, answer: { status: 401, body: { detail: "Invalid token" } } }],
      verdict: "invalid",
    },
    {
      name: "another region, or no workspace named",
      fields,
      exchanges: [{ ...sessions, answer: { status: 403, body: { detail: "Forbidden" } } }],
      verdict: "unknown",
    },
  ],
};
