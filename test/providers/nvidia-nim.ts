/** NVIDIA NIM: https://docs.nvidia.com/cloud-functions — the list of functions is never served openly. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "nvapi-fixture-nvidia-nim-0001";
const fields = { api_key: key };

function functions(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.nvcf.nvidia.com",
      path: "/v2/nvcf/functions",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const nvidiaNim: PlayedProvider = {
  provider: "nvidia_nim",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: functions(200, {
        functions: [
          { id: "2f0a1b9e-5b0c-4a52-8d5e-0c7d3e6a9f10", name: "ai-llama-3_3-70b-instruct", status: "ACTIVE" },
        ],
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: functions(401, {
        type: "urn:kaizen:problem-details:unauthorized",
        title: "Unauthorized",
        status: 401,
        detail: "Authentication failed",
      }),
      verdict: "invalid",
    },
    {
      name: "a key without the permission",
      fields,
      exchanges: functions(403, {
        type: "urn:kaizen:problem-details:forbidden",
        title: "Forbidden",
        status: 403,
        detail: "Authorization failed",
      }),
      verdict: "insufficient_scope",
    },
  ],
};
