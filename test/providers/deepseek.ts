/** DeepSeek: https://api-docs.deepseek.com/quick_start/error_codes */
import type { PlayedExchange, PlayedProvider } from "./played-provider.ts";

const key = "sk-fixture-deepseek-0001";
const fields = { api_key: key };

function balance(status: number, body: unknown): PlayedExchange[] {
  return [
    {
      method: "GET",
      origin: "https://api.deepseek.com",
      path: "/user/balance",
      headers: { authorization: `Bearer ${key}` },
      answer: { status, body },
    },
  ];
}

export const deepseek: PlayedProvider = {
  provider: "deepseek",
  cases: [
    {
      name: "a key",
      fields,
      exchanges: balance(200, {
        is_available: true,
        balance_infos: [
          { currency: "USD", total_balance: "110.00", granted_balance: "10.00", topped_up_balance: "100.00" },
        ],
      }),
      verdict: "valid",
    },
    {
      name: "an account with nothing left",
      fields,
      exchanges: balance(200, {
        is_available: false,
        balance_infos: [{ currency: "USD", total_balance: "0.00", granted_balance: "0.00", topped_up_balance: "0.00" }],
      }),
      verdict: "valid",
    },
    {
      name: "an account that owes",
      fields,
      exchanges: balance(402, {
        error: { message: "Insufficient Balance", type: "unknown_error", param: null, code: "invalid_request_error" },
      }),
      verdict: "valid",
    },
    {
      name: "a key that does not exist",
      fields,
      exchanges: balance(401, {
        error: {
          message: "Authentication Fails, Your api key: ****0001 is invalid",
          type: "authentication_error",
          param: null,
          code: "invalid_request_error",
        },
      }),
      verdict: "invalid",
    },
  ],
};
