import type { PlayedProvider } from "./played-provider.ts";

const fields = {
  base_url: "https://api.harbour.example",
  check_path: "/v1/me",
  secret: "fixture-generic-bearer-0001-Pz",
};
const asked = { method: "GET", origin: "https://api.harbour.example", path: "/v1/me" } as const;
const withSecret = { ...asked, headers: { authorization: "Bearer fixture-generic-bearer-0001-Pz" } } as const;
const withoutSecret = { ...asked, headers: { authorization: undefined } } as const;

const me = { status: 200, body: { name: "Harbour" } };
const loginFirst = { status: 401, body: { error: "login first" } };

const web = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");
const jwt = `${web({ alg: "HS256", typ: "JWT" })}.${web({ sub: "harbour", exp: 1_830_297_600 })}.fixture-bearer-0002`;

/** Any API: an address that answers a stranger as well proves nothing about the secret. */
export const genericHttpBearer: PlayedProvider = {
  provider: "generic_http_bearer",
  cases: [
    {
      name: "a secret that opens what is closed without it",
      fields,
      exchanges: [
        { ...withSecret, answer: me },
        { ...withoutSecret, answer: loginFirst },
      ],
      verdict: "valid",
    },
    {
      name: "an address with a query, an answer without a body, a stranger who is forbidden",
      fields: { ...fields, check_path: "/v1/items?limit=1" },
      exchanges: [
        { ...withSecret, path: "/v1/items?limit=1", answer: { status: 204, body: "" } },
        { ...withoutSecret, path: "/v1/items?limit=1", answer: { status: 403, body: { error: "forbidden" } } },
      ],
      verdict: "valid",
    },
    {
      name: "a JSON Web Token with an end",
      fields: { ...fields, secret: jwt },
      exchanges: [
        { ...withSecret, headers: { authorization: `Bearer ${jwt}` }, answer: me },
        { ...withoutSecret, answer: loginFirst },
      ],
      verdict: "valid",
      expiresAt: "2028-01-01T00:00:00.000Z",
    },
    {
      name: "an address that is open to everybody",
      fields,
      exchanges: [
        { ...withSecret, answer: me },
        { ...withoutSecret, answer: me },
      ],
      verdict: "not_checkable",
    },
    { name: "a wrong secret", fields, exchanges: [{ ...withSecret, answer: loginFirst }], verdict: "invalid" },
    {
      name: "a prohibition",
      fields,
      exchanges: [{ ...withSecret, answer: { status: 403, body: { error: "forbidden" } } }],
      verdict: "unknown",
    },
  ],
};
