import type { PlayedProvider } from "./played-provider.ts";

const fields = { integration_token: "ntn_fixture_notion_0001_Rw5mYc" };
const me = {
  method: "GET",
  origin: "https://api.notion.com",
  path: "/v1/users/me",
  headers: { authorization: "Bearer ntn_fixture_notion_0001_Rw5mYc", "notion-version": "2022-06-28" },
} as const;

const error = (status: number, code: string, message: string) => ({
  status,
  body: { object: "error", status, code, message, request_id: "5f1c9a1e-8d0b-4d6e-9d3f-2a8f3f1b7c40" },
});

/** Notion's bot behind a token. */
export const notion: PlayedProvider = {
  provider: "notion",
  cases: [
    {
      name: "an integration of a workspace",
      fields,
      exchanges: [
        {
          ...me,
          answer: {
            status: 200,
            body: {
              object: "user",
              id: "16d84278-ab0e-484c-9bdd-b35da3bd8905",
              name: "Harbour Notes",
              avatar_url: null,
              type: "bot",
              bot: { owner: { type: "workspace", workspace: true }, workspace_name: "Harbour" },
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a deleted token",
      fields,
      exchanges: [{ ...me, answer: error(401, "unauthorized", "API token is invalid.") }],
      verdict: "invalid",
    },
    {
      name: "a refusal with another code",
      fields,
      exchanges: [{ ...me, answer: error(401, "sso_required", "This workspace requires single sign-on.") }],
      verdict: "unknown",
    },
    {
      name: "an integration without the user capability",
      fields,
      exchanges: [{ ...me, answer: error(403, "restricted_resource", "Insufficient permissions for this endpoint.") }],
      verdict: "insufficient_scope",
    },
    {
      name: "any other prohibition",
      fields,
      exchanges: [{ ...me, answer: error(403, "blocked_by_network", "Blocked.") }],
      verdict: "unknown",
    },
    {
      name: "a request without the API's version",
      fields,
      exchanges: [{ ...me, answer: error(400, "missing_version", "Notion-Version header failed validation.") }],
      verdict: "unknown",
    },
  ],
};
