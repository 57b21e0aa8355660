import type { PlayedProvider } from "./played-provider.ts";

const fields = { token: "glsa_fixture_grafana_0001_7be4c102", base_url: "https://grafana.harbour.example" };
const permissions = {
  method: "GET",
  origin: "https://grafana.harbour.example",
  path: "/api/access-control/user/permissions",
  headers: { authorization: "Bearer glsa_fixture_grafana_0001_7be4c102" },
} as const;

const granted = {
  status: 200,
  body: { "dashboards:read": ["dashboards:*", "folders:*"], "datasources:query": ["datasources:*"] },
};

/** Grafana's map of what a token may do. */
export const grafanaServiceAccount: PlayedProvider = {
  provider: "grafana_service_account",
  cases: [
    { name: "a token", fields, exchanges: [{ ...permissions, answer: granted }], verdict: "valid" },
    {
      name: "a token of a Grafana below a path",
      fields: { ...fields, base_url: "https://ops.harbour.example/grafana" },
      exchanges: [
        {
          ...permissions,
          origin: "https://ops.harbour.example",
          path: "/grafana/api/access-control/user/permissions",
          answer: granted,
        },
      ],
      verdict: "valid",
    },
    {
      name: "a token that ended",
      fields,
      exchanges: [
        {
          ...permissions,
          answer: {
            status: 401,
            body: { message: "Expired API key", messageId: "api-key.expired", statusCode: 401, traceID: "" },
          },
        },
      ],
      verdict: "expired",
    },
    {
      name: "a deleted token",
      fields,
      exchanges: [
        {
          ...permissions,
          answer: {
            status: 401,
            body: { message: "Invalid API key", messageId: "api-key.invalid", statusCode: 401, traceID: "" },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a token without the permission",
      fields,
      exchanges: [
        {
          ...permissions,
          answer: {
            status: 403,
            body: {
              accessErrorId: "ACE4021000001",
              message: "You'll need additional permissions",
              title: "Access denied",
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "an address without this API",
      fields,
      exchanges: [{ ...permissions, answer: { status: 404, body: { message: "Not found" } } }],
      verdict: "unknown",
    },
  ],
};
