import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "fixture-deepgram-0001-6b1d0c9e4f" };
const projects = {
  method: "GET",
  origin: "https://api.deepgram.com",
  path: "/v1/projects",
  headers: { authorization: "Token fixture-deepgram-0001-6b1d0c9e4f" },
} as const;

/** Deepgram's list of projects; the scheme is the word Token. */
export const deepgram: PlayedProvider = {
  provider: "deepgram",
  cases: [
    {
      name: "a key of a project",
      fields,
      exchanges: [
        {
          ...projects,
          answer: {
            status: 200,
            body: { projects: [{ project_id: "5f1c9a1e-8d0b-4d6e-9d3f-2a8f3f1b7c40", name: "Harbour Transcripts" }] },
          },
        },
      ],
      verdict: "valid",
      identity: "Harbour Transcripts",
    },
    {
      name: "a deleted key",
      fields,
      exchanges: [
        {
          ...projects,
          answer: {
            status: 401,
            body: { err_code: "INVALID_AUTH", err_msg: "Invalid credentials.", request_id: "0e1f6c3a-1a52-4b7e-9a43" },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a key whose role may not list projects",
      fields,
      exchanges: [
        {
          ...projects,
          answer: {
            status: 403,
            body: {
              err_code: "FORBIDDEN",
              err_msg: "Insufficient permissions.",
              request_id: "0e1f6c3a-1a52-4b7e-9a44",
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
