import type { PlayedProvider } from "./played-provider.ts";

const fields = { shop: "harbour-goods.myshopify.com", access_token: "shpat_fixture_shopify_0001_8e1b" };
const scopes = {
  method: "GET",
  origin: "https://harbour-goods.myshopify.com",
  path: "/admin/oauth/access_scopes.json",
  headers: { "x-shopify-access-token": "shpat_fixture_shopify_0001_8e1b", authorization: undefined },
} as const;

/** Shopify's list of a token's scopes; what is wrong with the shop is not wrong with the token. */
export const shopify: PlayedProvider = {
  provider: "shopify",
  cases: [
    {
      name: "a token of an app",
      fields,
      exchanges: [
        {
          ...scopes,
          answer: { status: 200, body: { access_scopes: [{ handle: "read_products" }, { handle: "write_orders" }] } },
        },
      ],
      verdict: "valid",
      scopes: ["read_products", "write_orders"],
    },
    {
      name: "an app that was removed",
      fields,
      exchanges: [
        {
          ...scopes,
          answer: {
            status: 401,
            body: { errors: "[API] Invalid API key or access token (unrecognized login or wrong password)" },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a token without approval",
      fields,
      exchanges: [
        {
          ...scopes,
          answer: {
            status: 403,
            body: { errors: "[API] This action requires merchant approval for read_products scope." },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a shop that does not pay",
      fields,
      exchanges: [{ ...scopes, answer: { status: 402, body: { errors: "Unavailable Shop" } } }],
      verdict: "unknown",
    },
    {
      name: "a shop of another name",
      fields,
      exchanges: [{ ...scopes, answer: { status: 404, body: { errors: "Not Found" } } }],
      verdict: "unknown",
    },
    {
      name: "a shop that is locked",
      fields,
      exchanges: [{ ...scopes, answer: { status: 423, body: { errors: "Locked" } } }],
      verdict: "unknown",
    },
  ],
};
