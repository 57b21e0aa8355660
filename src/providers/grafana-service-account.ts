import { provider } from "./provider.ts";

export const grafanaServiceAccount = provider({
  name: "grafana_service_account",
  title: "Grafana service account",
  category: "observability",
  type: "api_key",
  fields: {
    token: { type: "secret", required: true, shape: "^glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}$" },
    base_url: { type: "string", required: true, shape: "^https?://" },
  },
  base_url: "{base_url}",
  docs_url: "https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/api/access-control/user/permissions",
        headers: { authorization: "Bearer {token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { contains: "expired" }, verdict: "expired" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with serviceaccounts:write: POST /api/serviceaccounts/{id}/tokens, then DELETE the old one",
  },
});
