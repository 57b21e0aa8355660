import type { PlayedProvider } from "./played-provider.ts";

const fields = { api_key: "fixture-assemblyai-0001-77aa20c1" };
const transcripts = {
  method: "GET",
  origin: "https://api.assemblyai.com",
  path: "/v2/transcript?limit=1",
  headers: { authorization: "fixture-assemblyai-0001-77aa20c1" },
} as const;

/** AssemblyAI's list of transcripts; the key stands alone in the header, without a scheme. */
export const assemblyai: PlayedProvider = {
  provider: "assemblyai",
  cases: [
    {
      name: "a key of an account without transcripts",
      fields,
      exchanges: [
        {
          ...transcripts,
          answer: {
            status: 200,
            body: {
              page_details: {
                limit: 1,
                result_count: 0,
                current_url: "https://api.assemblyai.com/v2/transcript?limit=1",
                prev_url: null,
                next_url: null,
              },
              transcripts: [],
            },
          },
        },
      ],
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: [
        {
          ...transcripts,
          answer: { status: 401, body: { error: "Authentication error, API token missing/invalid" } },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a key of an account that may not list",
      fields,
      exchanges: [{ ...transcripts, answer: { status: 403, body: { error: "Forbidden" } } }],
      verdict: "insufficient_scope",
    },
  ],
};
