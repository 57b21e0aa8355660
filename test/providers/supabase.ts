/**
 * Supabase: https://supabase.com/docs/guides/api/api-keys — the public key is asked
 * of the auth server, the service key of the REST root, the personal token of the
 * management API. A key that is a JSON Web Token goes as apikey and as bearer; one
 * that begins with sb_ is no token and goes as apikey alone.
 */
import type { PlayedCase, PlayedExchange, PlayedProvider } from "./played-provider.ts";

const ref = "abcdefghijklmnopqrst";
const project = `https://${ref}.supabase.co`;

// Claims like those of a real key, signed by nobody.
function keyFor(role: string, signature: string): string {
  const claims = { iss: "supabase", ref, role, iat: 1700000000, exp: 2015576000 };
  const parts = [{ alg: "HS256", typ: "JWT" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return [...parts, signature].join(".");
}

const anonKey = keyFor("anon", "fixture-supabase-anon-0001");
const serviceKey = keyFor("service_role", "fixture-supabase-service-0002");
const publishableKey = "sb_publishable_fixture_supabase_0003";
const secretKey = "sb_secret_fixture_supabase_0004";
const managementToken = "sbp_fixture_supabase_0005";

const fields = { project_url: project, anon_key: anonKey, service_role_key: serviceKey };
const newFields = { project_url: project, anon_key: publishableKey, service_role_key: secretKey };

function settings(status: number, body: unknown, key = anonKey): PlayedExchange {
  return {
    method: "GET",
    origin: project,
    path: "/auth/v1/settings",
    headers: { apikey: key, authorization: undefined },
    answer: { status, body },
  };
}

function root(status: number, body: unknown, key = serviceKey): PlayedExchange {
  return {
    method: "GET",
    origin: project,
    path: "/rest/v1/",
    headers: { apikey: key, authorization: key === secretKey ? undefined : `Bearer ${key}` },
    answer: { status, body },
  };
}

function projects(status: number, body: unknown): PlayedExchange {
  return {
    method: "GET",
    origin: "https://api.supabase.com",
    path: "/v1/projects",
    headers: { authorization: `Bearer ${managementToken}`, apikey: undefined },
    answer: { status, body },
  };
}

const publicSettings = settings(200, {
  external: { email: true, phone: false, github: false },
  disable_signup: false,
  mailer_autoconfirm: false,
});
const openApi = { swagger: "2.0", info: { title: "standard public schema", version: "13.0.4" }, paths: {} };

const invalidKey = {
  message: "Invalid API key",
  hint: "Double check your Supabase `anon` or `service_role` API key.",
};
const disabledKeys = {
  message: "Legacy API keys are disabled",
  hint: "Your legacy API keys (anon, service_role) were disabled. Re-enable them in the dashboard, or use the new keys.",
};
const missingKey = {
  message: "No API key found in request",
  hint: "No `apikey` request header or url param was found.",
};

function publicCase(name: string, verdict: PlayedCase["verdict"], status: number, body: unknown): PlayedCase {
  return { name: `the public key: ${name}`, fields, exchanges: [settings(status, body)], verdict };
}

function serviceCase(name: string, verdict: PlayedCase["verdict"], status: number, body: unknown): PlayedCase {
  return { name: `the service key: ${name}`, fields, exchanges: [publicSettings, root(status, body)], verdict };
}

function secretCase(name: string, verdict: PlayedCase["verdict"], status: number, body: unknown): PlayedCase {
  const accepted = settings(200, { external: { email: true } }, publishableKey);
  return {
    name: `the secret key: ${name}`,
    fields: newFields,
    exchanges: [accepted, root(status, body, secretKey)],
    verdict,
  };
}

const closedSchema = {
  message: "Access to schema is forbidden",
  hint: "Accessing the schema via the Data API is only allowed using a secret or service_role API key.",
};

export const supabase: PlayedProvider = {
  provider: "supabase",
  cases: [
    {
      name: "two legacy keys",
      fields,
      exchanges: [publicSettings, root(200, openApi)],
      verdict: "valid",
      expiresAt: "2033-11-14T10:13:20.000Z",
      scopes: ["service_role"],
      identity: ref,
    },
    {
      name: "a publishable and a secret key, which are no bearer tokens",
      fields: newFields,
      exchanges: [settings(200, { external: { email: true } }, publishableKey), root(200, openApi, secretKey)],
      verdict: "valid",
    },
    {
      name: "a project address with a slash at its end",
      fields: { ...newFields, project_url: `${project}/` },
      exchanges: [settings(200, { external: { email: true } }, publishableKey), root(200, openApi, secretKey)],
      verdict: "valid",
    },
    {
      name: "both keys and a personal token",
      fields: { ...fields, management_token: managementToken },
      exchanges: [
        publicSettings,
        projects(200, [{ id: ref, organization_id: "fixture-lab", name: "shop", region: "eu-central-1" }]),
        root(200, openApi),
      ],
      verdict: "valid",
    },
    {
      name: "a personal token that does not exist",
      fields: { ...fields, management_token: managementToken },
      exchanges: [publicSettings, projects(401, { message: "Unauthorized" })],
      verdict: "invalid",
    },
    {
      name: "a personal token that may not list projects",
      fields: { ...fields, management_token: managementToken },
      exchanges: [publicSettings, projects(403, { message: "Forbidden resource" })],
      verdict: "unknown",
    },
    publicCase("does not exist", "invalid", 401, invalidKey),
    publicCase("legacy keys are switched off", "revoked", 401, disabledKeys),
    publicCase("did not arrive", "unknown", 401, missingKey),
    publicCase("a 401 in other words", "unknown", 401, { message: "Unauthorized" }),
    publicCase("a paused project", "provider_down", 540, { message: "Project paused" }),
    publicCase("a database that does not answer", "provider_down", 544, { message: "Database timeout" }),
    serviceCase("does not exist", "invalid", 401, invalidKey),
    serviceCase("legacy keys are switched off", "revoked", 401, disabledKeys),
    serviceCase("expired", "expired", 401, {
      code: "PGRST303",
      details: null,
      hint: null,
      message: "JWT expired",
    }),
    serviceCase("signed with a secret that was rotated", "invalid", 401, {
      code: "PGRST301",
      details: null,
      hint: null,
      message: "JWSError JWSInvalidSignature",
    }),
    serviceCase("is the public key", "insufficient_scope", 401, closedSchema),
    serviceCase("is the public key, told as forbidden", "insufficient_scope", 403, closedSchema),
    secretCase("does not exist", "invalid", 401, invalidKey),
    secretCase("is the publishable key", "insufficient_scope", 401, closedSchema),
    secretCase("a token that the gateway made of it and that ran out", "unknown", 401, {
      code: "PGRST303",
      details: null,
      hint: null,
      message: "JWT expired",
    }),
    serviceCase("did not arrive", "unknown", 401, missingKey),
    serviceCase("a 401 in other words", "unknown", 401, { message: "Unauthorized" }),
    serviceCase("a 403 in other words", "unknown", 403, { message: "Forbidden" }),
    serviceCase("a paused project", "provider_down", 540, { message: "Project paused" }),
    serviceCase("a database that does not answer", "provider_down", 544, { message: "Database timeout" }),
  ],
};
