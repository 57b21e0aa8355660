import { provider, type Rule } from "./provider.ts";

const switchedOff = {
  status: [401],
  body: { contains: "legacy api keys are disabled" },
  verdict: "revoked",
} satisfies Rule;
const unknownKey = { status: [401], body: { contains: "invalid api key" }, verdict: "invalid" } satisfies Rule;

/** The root is closed to the public key. The other refusals name the role as well: this one comes last. */
const publicKey = {
  status: [401, 403],
  body: { contains: "service_role" },
  verdict: "insufficient_scope",
} satisfies Rule;

export const supabase = provider({
  name: "supabase",
  title: "Supabase project",
  category: "infrastructure",
  type: "api_key",
  fields: {
    project_url: { type: "string", required: true, shape: "^https://" },
    anon_key: { type: "string", required: true, shape: "^(?:eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|sb_publishable_[\\w-]+)$" },
    service_role_key: {
      type: "secret",
      required: true,
      shape: "^(?:eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|sb_secret_[\\w-]+)$",
    },
    management_token: { type: "secret", required: false, shape: "^sbp_[a-f0-9]{40}$", note: "for rotation" },
  },
  base_url: "{project_url}",
  docs_url: "https://supabase.com/docs/guides/api/api-keys",
  check: {
    kind: "http",
    // Every key that is there has to live; the one that is always there decides last.
    steps: [
      {
        method: "GET",
        path: "/auth/v1/settings",
        headers: { apikey: "{anon_key}" },
        rules: [{ status: [200], verdict: "next" }, switchedOff, unknownKey],
      },
      {
        when: [{ field: "management_token", is: "present" }],
        method: "GET",
        base_url: "https://api.supabase.com",
        path: "/v1/projects",
        headers: { authorization: "Bearer {management_token}" },
        rules: [
          { status: [200], verdict: "next" },
          { status: [401], verdict: "invalid", note: "the management token" },
        ],
      },
      {
        when: [{ field: "service_role_key", starts_with: "eyJ" }],
        method: "GET",
        path: "/rest/v1/",
        headers: { apikey: "{service_role_key}", authorization: "Bearer {service_role_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { contains: "jwt expired" }, verdict: "expired" },
          switchedOff,
          unknownKey,
          // The project's JWT secret is another one by now.
          { status: [401], body: { contains: "jwserror" }, verdict: "invalid" },
          publicKey,
        ],
        expires_at: { from: { field: "service_role_key", claim: "exp" }, format: "unix_s" },
        scopes: { from: { field: "service_role_key", claim: "role" } },
        identity: { from: { field: "service_role_key", claim: "ref" } },
      },
      // The newer keys are no JSON Web Tokens: as a bearer they are refused, and the token
      // that the gateway makes of one is its own fault.
      {
        when: [{ field: "service_role_key", not_starts_with: "eyJ" }],
        method: "GET",
        path: "/rest/v1/",
        headers: { apikey: "{service_role_key}" },
        rules: [{ status: [200], verdict: "valid" }, unknownKey, publicKey],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a management token: POST the project's api-keys, then DELETE the old one; not for the older JWT keys",
  },
  negative_control: {
    fields: {
      project_url: `https://${"0".repeat(20)}.supabase.co`,
      anon_key: `sb_publishable_${"0".repeat(31)}`,
      service_role_key: `sb_secret_${"0".repeat(31)}`,
    },
    verdict: "invalid",
  },
  unproven: true,
});
