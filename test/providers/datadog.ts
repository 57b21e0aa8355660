import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "fixture-datadog-0001-61f2c8", site: "us5.datadoghq.com" };
const validate = {
  method: "GET",
  origin: "https://api.us5.datadoghq.com",
  path: "/api/v1/validate",
  headers: { "dd-api-key": "fixture-datadog-0001-61f2c8", authorization: undefined },
} as const;

const bothFields = {
  api_key: "fixture-datadog-0002-04be7a",
  application_key: "fixture-datadog-0003-d9371c",
  site: "datadoghq.eu",
};
const validateKeys = {
  method: "GET",
  origin: "https://api.datadoghq.eu",
  path: "/api/v2/validate_keys",
  headers: {
    "dd-api-key": "fixture-datadog-0002-04be7a",
    "dd-application-key": "fixture-datadog-0003-d9371c",
    authorization: undefined,
  },
} as const;

const forbidden = { status: 403, body: { errors: ["Forbidden"] } };
const wall = { status: 403, headers: { "content-type": "text/plain" }, body: "Access denied by the gateway" };

/** Datadog's questions about an API key alone, and about it with an application key. */
export const datadog: PlayedProvider = {
  provider: "datadog",
  cases: [
    {
      name: "an API key",
      fields,
      exchanges: [{ ...validate, answer: { status: 200, body: { valid: true } } }],
      verdict: "valid",
    },
    {
      name: "an answer that does not call the key valid",
      fields,
      exchanges: [{ ...validate, answer: { status: 200, body: { valid: false } } }],
      verdict: "unknown",
    },
    {
      name: "a wrong API key, or one of another site",
      fields,
      exchanges: [{ ...validate, answer: forbidden }],
      verdict: "invalid",
    },
    { name: "a wall in front", fields, exchanges: [{ ...validate, answer: wall }], verdict: "unknown" },
    {
      name: "both keys",
      fields: bothFields,
      exchanges: [{ ...validateKeys, answer: { status: 200, body: { status: "ok" } } }],
      verdict: "valid",
    },
    {
      name: "both keys, of which one is wrong",
      fields: bothFields,
      exchanges: [{ ...validateKeys, answer: forbidden }],
      verdict: "invalid",
    },
    {
      name: "a wall in front of both keys",
      fields: bothFields,
      exchanges: [{ ...validateKeys, answer: wall }],
      verdict: "unknown",
    },
  ],
};
