/** Hugging Face: https://huggingface.co/docs/hub/api — who am I, the most limited question of all. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "hf_fixture_huggingface_0001";
const fields = { api_key: key };

function whoAmI(status: number, body: unknown, headers: Record<string, string> = {}): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://huggingface.co",
      path: "/api/whoami-v2",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, headers, body },
    },
  ];
}

function account(token: Record<string, unknown>) {
  return {
    type: "user",
    id: "5dd96eb166059660ed1ee413",
    name: "ada-fixture",
    fullname: "Ada",
    email: "ada@fixture-lab.example",
    isPro: false,
    orgs: [{ type: "org", id: "5e67bd5b1009063689407478", name: "fixture-lab" }],
    auth: {
      type: "access_token",
      accessToken: { displayName: "worker", createdAt: "2026-01-01T10:00:00.000Z", ...token },
    },
  };
}

export const huggingface: PlayedProvider = {
  provider: "huggingface",
  cases: [
    {
      name: "a token that may read",
      fields,
      exchanges: whoAmI(200, account({ role: "read" })),
      verdict: "valid",
      scopes: ["read"],
      identity: "ada-fixture",
    },
    {
      name: "a token with an end",
      fields,
      exchanges: whoAmI(200, account({ role: "write", expiresAt: "2027-05-01T00:00:00.000Z" })),
      verdict: "valid",
      expiresAt: "2027-05-01T00:00:00.000Z",
      scopes: ["write"],
      identity: "ada-fixture",
    },
    {
      name: "a token that does not exist",
      fields,
      exchanges: whoAmI(401, { error: "Invalid username or password." }),
      verdict: "invalid",
    },
    {
      name: "a token without the permission",
      fields,
      exchanges: whoAmI(403, { error: "This token may not read the account." }),
      verdict: "insufficient_scope",
    },
    {
      name: "too many questions, told as a page",
      fields,
      exchanges: whoAmI(429, "<!doctype html><html><body>429 Too Many Requests</body></html>", {
        "content-type": "text/html; charset=utf-8",
      }),
      verdict: "rate_limited",
    },
  ],
};
