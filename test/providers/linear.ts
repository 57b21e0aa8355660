import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "lin_api_fixture_linear_0001_Hs6d" };
const viewer = {
  method: "POST",
  origin: "https://api.linear.app",
  path: "/graphql",
  headers: { authorization: "lin_api_fixture_linear_0001_Hs6d" },
} as const;

const errors = (message: string, code: string) => [
  { message, path: ["viewer"], extensions: { type: message.toLowerCase(), code, userError: true } },
];

/** Linear's viewer over GraphQL, which keeps its verdict in the errors and not in the status. */
export const linear: PlayedProvider = {
  provider: "linear",
  cases: [
    {
      name: "a key of a person",
      fields,
      exchanges: [
        {
          ...viewer,
          json: { query: "{ viewer { id name email organization { name urlKey } } }" },
          answer: {
            status: 200,
            body: {
              data: {
                viewer: {
                  id: "9cfb482a-81e3-4154-b5b9-2c805e70a02d",
                  name: "Ada Harbour",
                  email: "ada@harbour.example",
                  organization: { name: "Harbour", urlKey: "harbour" },
                },
              },
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "too many requests, with the status of a bad one",
      fields,
      exchanges: [
        { ...viewer, answer: { status: 400, body: { errors: errors("Rate limit exceeded", "RATELIMITED") } } },
      ],
      verdict: "rate_limited",
    },
    {
      name: "a wrong key, with the status of a bad request",
      fields,
      exchanges: [
        {
          ...viewer,
          answer: { status: 400, body: { errors: errors("Authentication failed", "AUTHENTICATION_ERROR") } },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a wrong key, with its own status",
      fields,
      exchanges: [
        {
          ...viewer,
          answer: { status: 401, body: { errors: errors("Authentication failed", "AUTHENTICATION_ERROR") } },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a refusal without a code",
      fields,
      exchanges: [{ ...viewer, answer: { status: 401, body: { errors: [{ message: "Unauthorized" }] } } }],
      verdict: "invalid",
    },
    {
      name: "a key that may not read its viewer, answered well",
      fields,
      exchanges: [
        { ...viewer, answer: { status: 200, body: { data: null, errors: errors("Forbidden", "FORBIDDEN") } } },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "a key that may not read its viewer, with its own status",
      fields,
      exchanges: [{ ...viewer, answer: { status: 403, body: { errors: errors("Forbidden", "FORBIDDEN") } } }],
      verdict: "insufficient_scope",
    },
    {
      name: "a prohibition without a code",
      fields,
      exchanges: [{ ...viewer, answer: { status: 403, body: { errors: [{ message: "Blocked" }] } } }],
      verdict: "unknown",
    },
    {
      name: "a query that the schema does not know",
      fields,
      exchanges: [
        {
          ...viewer,
          answer: { status: 400, body: { errors: errors("Cannot query field", "GRAPHQL_VALIDATION_FAILED") } },
        },
      ],
      verdict: "unknown",
    },
    {
      name: "an error inside a good answer",
      fields,
      exchanges: [
        {
          ...viewer,
          answer: { status: 200, body: { data: null, errors: errors("Internal error", "INTERNAL_SERVER_ERROR") } },
        },
      ],
      verdict: "unknown",
    },
  ],
};
