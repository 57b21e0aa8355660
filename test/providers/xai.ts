/** xAI: https://docs.x.ai/docs/api-reference#get-api-key-information — the flags of a 200 tell, and a bad key is a 400. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "xai-fixture-xai-000001";
const fields = { api_key: key };

function ownKey(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.x.ai",
      path: "/v1/api-key",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

const acls = ["api-key:model:*", "api-key:endpoint:*"];

function keyWith(flags: Record<string, boolean>) {
  return {
    redacted_api_key: "xai-...0001",
    user_id: "59fbe5f2-040b-46d5-8325-868bb8f23eb2",
    name: "worker",
    create_time: "2026-01-01T12:55:18.139305Z",
    modify_time: "2026-08-28T17:20:12.343321Z",
    modified_by: "3d38b4dc-4eb7-4785-ae26-c3fa8997ffc7",
    team_id: "5ea6f6bd-7815-4b8a-9135-28b2d7ba6722",
    acls,
    api_key_id: "ae1e1841-4326-4b36-a8a9-8a1a7237db11",
    team_blocked: false,
    api_key_blocked: false,
    api_key_disabled: false,
    ...flags,
  };
}

export const xai: PlayedProvider = {
  provider: "xai",
  cases: [
    { name: "a key", fields, exchanges: ownKey(200, keyWith({})), verdict: "valid", scopes: acls },
    {
      name: "a disabled key",
      fields,
      exchanges: ownKey(200, keyWith({ api_key_disabled: true })),
      verdict: "revoked",
    },
    { name: "a blocked key", fields, exchanges: ownKey(200, keyWith({ api_key_blocked: true })), verdict: "revoked" },
    {
      name: "a blocked key of a blocked team",
      fields,
      exchanges: ownKey(200, keyWith({ api_key_blocked: true, team_blocked: true })),
      verdict: "revoked",
    },
    { name: "a blocked team", fields, exchanges: ownKey(200, keyWith({ team_blocked: true })), verdict: "unknown" },
    {
      name: "a key that does not exist",
      fields,
      exchanges: ownKey(400, {
        code: "Client specified an invalid argument",
        error: "Incorrect API key provided: xa***01. You can obtain an API key from https://console.x.ai.",
      }),
      verdict: "invalid",
    },
    {
      name: "a key that is not understood",
      fields,
      exchanges: ownKey(401, {
        code: "The request does not have valid authentication credentials",
        error: "Invalid authorization.",
      }),
      verdict: "invalid",
    },
    {
      name: "a team that is blocked or lacks the permission",
      fields,
      exchanges: ownKey(403, {
        code: "The caller does not have permission to execute the specified operation",
        error: "Your API key or team is blocked or lacks permissions.",
      }),
      verdict: "unknown",
    },
  ],
};
