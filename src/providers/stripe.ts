import { provider } from "./provider.ts";

export const stripe = provider({
  name: "stripe",
  title: "Stripe",
  category: "payment",
  type: "api_key",
  fields: {
    secret_key: { type: "secret", required: true, shape: "^(?:sk|rk)_(?:test|live)_[A-Za-z0-9]{10,247}$" },
    publishable_key: {
      type: "string",
      required: true,
      shape: "^pk_(?:test|live)_[A-Za-z0-9]{10,247}$",
      note: "public; never checked, because that would write",
    },
  },
  base_url: "https://api.stripe.com/v1",
  docs_url: "https://docs.stripe.com/keys",
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/balance",
        headers: { authorization: "Bearer {secret_key}", "stripe-version": "2024-06-20" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [401], body: { path: "error.code", equals: "api_key_expired" }, verdict: "expired" },
          { status: [401], verdict: "invalid" },
          // The key's list of addresses: not from here.
          { status: [403], body: { contains: "ip address" }, verdict: "unknown" },
          // A restricted key that may not read the balance.
          { status: [403], verdict: "insufficient_scope" },
        ],
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "with a key that may manage keys: POST /v2/iam/api_keys, then POST /v2/iam/api_keys/{id}/expire for the old one",
  },
  negative_control: {
    fields: { secret_key: `sk_test_${"0".repeat(24)}`, publishable_key: `pk_test_${"0".repeat(24)}` },
    verdict: "invalid",
  },
});
