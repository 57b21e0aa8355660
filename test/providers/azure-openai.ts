/** Azure OpenAI: https://learn.microsoft.com/azure/ai-services/openai/reference — a firewall's 403 says nothing about the key. */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "fixture-azure-openai-0001";
const endpoint = "https://fixture-lab.openai.azure.com";
const fields = { api_key: key, endpoint };

function models(status: number, body: unknown, apiVersion = "2024-10-21"): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: endpoint,
      path: `/openai/models?api-version=${apiVersion}`,
      headers: { "api-key": key, authorization: undefined },
      answer: { status, body },
    },
  ];
}

function error(code: string, message: string) {
  return { error: { code, message } };
}

const list = { object: "list", data: [{ id: "gpt-4o-2024-08-06", object: "model", status: "succeeded" }] };

export const azureOpenai: PlayedProvider = {
  provider: "azure_openai",
  cases: [
    { name: "a key", fields, exchanges: models(200, list), verdict: "valid" },
    {
      name: "a key with its own version of the API",
      fields: { ...fields, api_version: "2025-04-01-preview" },
      exchanges: models(200, list, "2025-04-01-preview"),
      verdict: "valid",
    },
    {
      name: "an endpoint with a slash at its end",
      fields: { ...fields, endpoint: `${endpoint}/` },
      exchanges: models(200, list),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: models(
        401,
        error("401", "Access denied due to invalid subscription key or wrong API endpoint. Provide a valid key."),
      ),
      verdict: "invalid",
    },
    {
      name: "a 401 with another code",
      fields,
      exchanges: models(401, error("InvalidAuthenticationToken", "The access token is invalid.")),
      verdict: "invalid",
    },
    {
      name: "a firewall",
      fields,
      exchanges: models(403, error("AccessDenied", "Access denied due to Virtual Network/Firewall rules.")),
      verdict: "unknown",
    },
    {
      name: "a 403 for another reason",
      fields,
      exchanges: models(403, error("Forbidden", "Public access is disabled. Please configure private endpoint.")),
      verdict: "unknown",
    },
    {
      name: "a version or a resource that does not exist",
      fields,
      exchanges: models(404, error("404", "Resource not found")),
      verdict: "unknown",
    },
  ],
};
