import type { PlayedProvider } from "./played-provider.ts";

const fields = { public_key: "pk-lf-4021a9e3-0c1d", secret_key: "sk-lf-fixture-langfuse-0001" };
const projects = {
  method: "GET",
  origin: "https://cloud.langfuse.com",
  path: "/api/public/projects",
  headers: { authorization: `Basic ${btoa("pk-lf-4021a9e3-0c1d:sk-lf-fixture-langfuse-0001")}` },
} as const;

const listed = {
  status: 200,
  body: { data: [{ id: "cmfixture0001project", name: "harbour-traces", metadata: {} }] },
};

/** Langfuse's project of a pair of keys. */
export const langfuse: PlayedProvider = {
  provider: "langfuse",
  cases: [
    {
      name: "the keys of a project",
      fields,
      exchanges: [{ ...projects, answer: listed }],
      verdict: "valid",
      identity: "harbour-traces",
    },
    {
      name: "the keys of a project in America",
      fields: { ...fields, base_url: "https://us.cloud.langfuse.com" },
      exchanges: [{ ...projects, origin: "https://us.cloud.langfuse.com", answer: listed }],
      verdict: "valid",
      identity: "harbour-traces",
    },
    {
      name: "a wrong secret key",
      fields,
      exchanges: [
        {
          ...projects,
          answer: {
            status: 401,
            body: { message: "Invalid credentials. Confirm that you've configured the correct host." },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "keys that may not ask for their project",
      fields,
      exchanges: [
        { ...projects, answer: { status: 403, body: { message: "Access denied - need to use basic auth" } } },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
