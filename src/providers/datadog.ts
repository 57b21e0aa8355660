import { provider } from "./provider.ts";

export const datadog = provider({
  name: "datadog",
  title: "Datadog",
  category: "observability",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true, shape: "^[a-f0-9]{32}$" },
    application_key: { type: "secret", required: false, shape: "^(?:[a-f0-9]{40}|ddapp_[A-Za-z0-9]{34})$" },
    site: {
      type: "string",
      required: true,
      shape: "^(?:(?:us[35]\\.|ap[12]\\.)?datadoghq\\.com|datadoghq\\.eu|ddog-gov\\.com)$",
    },
  },
  base_url: "https://api.{site}",
  docs_url: "https://docs.datadoghq.com/api/latest/authentication/",
  check: {
    kind: "http",
    // Forbidden is what these two endpoints are documented to say of a wrong key, always in JSON.
    steps: [
      {
        when: [{ field: "application_key", is: "absent" }],
        method: "GET",
        path: "/api/v1/validate",
        headers: { "dd-api-key": "{api_key}" },
        rules: [
          { status: [200], body: { path: "valid", equals: true }, verdict: "valid" },
          {
            status: [403],
            body: { path: "errors", exists: true },
            verdict: "invalid",
            note: "or the account is at another site",
          },
        ],
      },
      {
        when: [{ field: "application_key", is: "present" }],
        method: "GET",
        path: "/api/v2/validate_keys",
        headers: { "dd-api-key": "{api_key}", "dd-application-key": "{application_key}" },
        rules: [
          { status: [200], body: { path: "status", equals: "ok" }, verdict: "valid" },
          {
            status: [401, 403],
            body: { path: "errors", exists: true },
            verdict: "invalid",
            note: "one of the two keys, or the account is at another site",
          },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with an application key that has api_keys_write: POST /api/v2/api_keys, then DELETE the old one",
  },
  negative_control: { fields: { api_key: "0".repeat(32), site: "datadoghq.com" }, verdict: "invalid" },
});
