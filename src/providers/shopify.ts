import { provider } from "./provider.ts";

export const shopify = provider({
  name: "shopify",
  title: "Shopify Admin API",
  category: "payment",
  type: "api_key",
  fields: {
    shop: { type: "string", required: true, shape: "^[a-z0-9-]+\\.myshopify\\.com$" },
    access_token: { type: "secret", required: true, shape: "^shp(?:at|ca|pa|ua)_[a-fA-F0-9]{32}$" },
  },
  base_url: "https://{shop}",
  docs_url: "https://shopify.dev/docs/api/admin-rest/latest/resources/accessscope",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/admin/oauth/access_scopes.json",
        headers: { "x-shopify-access-token": "{access_token}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], verdict: "invalid" },
          { status: [403], verdict: "insufficient_scope" },
        ],
        scopes: { from: { path: "access_scopes[].handle" } },
      },
    ],
  },
  rotation: {
    mode: "manual",
    how: "reinstall the app, which gives a new token",
  },
});
