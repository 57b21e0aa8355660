/** GitHub: https://docs.github.com/en/rest/authentication — a 403 is a limit, a login or a permission, never a bad token. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const token = "ghp_fixture_github_0001";
const fineGrained = "github_pat_fixture_github_0002";
const installation = "ghs_fixture_github_0003";
const fields = { personal_access_token: token };

function asked(
  path: string,
  value: string,
  answer: PlayedExchange["answer"],
  origin = "https://api.github.com",
): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin,
      path,
      headers: {
        authorization: `Bearer ${value}`,
        accept: "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
      },
      answer,
    },
  ];
}

function user(status: number, body: unknown, headers: Record<string, string> = {}): PlayedExchange[] {
  return asked("/user", token, { status, headers, body });
}

function repositories(status: number, body: unknown): PlayedExchange[] {
  return asked("/installation/repositories?per_page=1", installation, {
    status,
    headers: { "x-ratelimit-remaining": "4980" },
    body,
  });
}

function message(text: string, status: number) {
  return { message: text, documentation_url: "https://docs.github.com/rest", status: String(status) };
}

const ada = { login: "ada-fixture", id: 583231, type: "User", name: "Ada", site_admin: false };

export const github: PlayedProvider = {
  provider: "github",
  cases: [
    {
      name: "a classic token",
      fields,
      exchanges: user(200, ada, {
        "x-oauth-scopes": "repo, read:org",
        "x-ratelimit-remaining": "4999",
        "github-authentication-token-expiration": "2027-12-01 00:00:00 UTC",
      }),
      verdict: "valid",
      scopes: ["repo", "read:org"],
      expiresAt: "2027-12-01T00:00:00.000Z",
      identity: "ada-fixture",
    },
    {
      name: "a fine-grained token, its end told in local time",
      fields: { personal_access_token: fineGrained },
      exchanges: asked("/user", fineGrained, {
        status: 200,
        headers: { "github-authentication-token-expiration": "2027-03-04 10:20:30 +0200" },
        body: ada,
      }),
      verdict: "valid",
      expiresAt: "2027-03-04T08:20:30.000Z",
      identity: "ada-fixture",
    },
    {
      name: "a token of GitHub Enterprise Server",
      fields: { ...fields, base_url: "https://github.fixture-lab.example/api/v3" },
      exchanges: asked("/api/v3/user", token, { status: 200, body: ada }, "https://github.fixture-lab.example"),
      verdict: "valid",
      identity: "ada-fixture",
    },
    {
      name: "a token that does not exist",
      fields,
      exchanges: user(401, message("Bad credentials", 401)),
      verdict: "invalid",
    },
    {
      name: "a 401 in other words",
      fields,
      exchanges: user(401, message("Requires authentication", 401)),
      verdict: "invalid",
    },
    {
      name: "a limit that is reached",
      fields,
      exchanges: user(403, message("API rate limit exceeded for user ID 583231.", 403), {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1795404599",
      }),
      verdict: "rate_limited",
    },
    {
      name: "the secondary limit",
      fields,
      exchanges: user(
        403,
        message("You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", 403),
        { "retry-after": "60", "x-ratelimit-remaining": "4980" },
      ),
      verdict: "rate_limited",
    },
    {
      name: "an organization that demands single sign-on",
      fields,
      exchanges: user(
        403,
        message("Resource protected by organization SAML enforcement. You must grant your token access.", 403),
        {
          "x-github-sso": "required; url=https://github.com/orgs/fixture-lab/sso?authorization_request=AZSCKtL4U8yX",
          "x-ratelimit-remaining": "4980",
        },
      ),
      verdict: "unknown",
    },
    {
      name: "a token without the permission, with requests left that end in a zero",
      fields,
      exchanges: user(403, message("Resource not accessible by personal access token", 403), {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4980",
      }),
      verdict: "insufficient_scope",
    },
    {
      name: "a 403 for another reason",
      fields,
      exchanges: user(403, message("Sorry. Your account was suspended", 403), { "x-ratelimit-remaining": "4980" }),
      verdict: "unknown",
    },
    {
      name: "an installation's token, which is no user",
      fields: { personal_access_token: installation },
      exchanges: repositories(200, { total_count: 12, repositories: [{ id: 1296269, name: "hello-world" }] }),
      verdict: "valid",
    },
    {
      name: "an installation's token that expired",
      fields: { personal_access_token: installation },
      exchanges: repositories(401, message("Bad credentials", 401)),
      verdict: "invalid",
    },
    {
      name: "an installation's token without the permission",
      fields: { personal_access_token: installation },
      exchanges: repositories(403, message("Resource not accessible by integration", 403)),
      verdict: "insufficient_scope",
    },
    {
      name: "an installation's limit that is reached",
      fields: { personal_access_token: installation },
      exchanges: repositories(403, message("API rate limit exceeded for installation ID 40219.", 403)),
      verdict: "rate_limited",
    },
    {
      name: "a suspended installation",
      fields: { personal_access_token: installation },
      exchanges: repositories(403, message("This installation has been suspended", 403)),
      verdict: "unknown",
    },
  ],
};
