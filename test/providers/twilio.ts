import type { PlayedProvider } from "./played-provider.ts";

const accountSid = "AC00000000000000000000000000004021";
const fields = { account_sid: accountSid, auth_token: "fixture-twilio-0001-8c31e0a7" };
const account = {
  method: "GET",
  origin: "https://api.twilio.com",
  path: `/2010-04-01/Accounts/${accountSid}.json`,
  headers: { authorization: `Basic ${btoa(`${accountSid}:fixture-twilio-0001-8c31e0a7`)}` },
} as const;

const keySid = "SK00000000000000000000000000004022";
const keyFields = { account_sid: accountSid, api_key_sid: keySid, api_key_secret: "fixture-twilio-0002-1Zs9XoQe" };
const accountByKey = {
  ...account,
  headers: { authorization: `Basic ${btoa(`${keySid}:fixture-twilio-0002-1Zs9XoQe`)}` },
} as const;
const numbersByKey = {
  ...accountByKey,
  path: `/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers.json?PageSize=1`,
} as const;

const accountIs = (status: string) => ({
  status: 200,
  body: {
    sid: accountSid,
    friendly_name: "Harbour Alerts",
    status,
    type: "Full",
    owner_account_sid: accountSid,
    date_created: "Thu, 30 Jul 2020 23:01:41 +0000",
    uri: `/2010-04-01/Accounts/${accountSid}.json`,
  },
});
const authenticate = {
  status: 401,
  body: {
    code: 20003,
    message: "Authenticate",
    more_info: "https://www.twilio.com/docs/errors/20003",
    status: 401,
  },
};
const refused = (code: number, message: string) => ({
  status: 403,
  body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status: 403 },
});
const notAuthorized = refused(70051, "Authorization Error");
const notActive = refused(20005, "Account not active");

/**
 * Twilio's account, asked with its own token or with an API key. Only a main key may
 * read it: a standard one is answered like a deleted one, and the same answer may mean
 * a suspended account (error 20003).
 */
export const twilio: PlayedProvider = {
  provider: "twilio",
  cases: [
    {
      name: "the token of an active account",
      fields,
      exchanges: [{ ...account, answer: accountIs("active") }],
      verdict: "valid",
    },
    {
      name: "a main API key of an active account",
      fields: keyFields,
      exchanges: [{ ...accountByKey, answer: accountIs("active") }],
      verdict: "valid",
    },
    {
      name: "an account that is suspended",
      fields,
      exchanges: [{ ...account, answer: accountIs("suspended") }],
      verdict: "unknown",
    },
    {
      name: "an account that is closed",
      fields: keyFields,
      exchanges: [{ ...accountByKey, answer: accountIs("closed") }],
      verdict: "unknown",
    },
    {
      name: "a wrong token",
      fields,
      exchanges: [{ ...account, answer: authenticate }],
      verdict: "invalid",
    },
    {
      name: "a deleted API key",
      fields: keyFields,
      exchanges: [
        { ...accountByKey, answer: authenticate },
        { ...numbersByKey, answer: authenticate },
      ],
      verdict: "invalid",
    },
    {
      name: "an API key that is refused without Twilio's code",
      fields: keyFields,
      exchanges: [
        { ...accountByKey, answer: authenticate },
        { ...numbersByKey, answer: { status: 401, body: { detail: "Refused." } } },
      ],
      verdict: "unknown",
    },
    {
      name: "a token of an account that ran out of funds",
      fields,
      exchanges: [{ ...account, answer: notActive }],
      verdict: "unknown",
    },
    {
      name: "a standard API key of an account that ran out of funds",
      fields: keyFields,
      exchanges: [
        { ...accountByKey, answer: authenticate },
        { ...numbersByKey, answer: notActive },
      ],
      verdict: "unknown",
    },
    {
      name: "a refusal without Twilio's code",
      fields,
      exchanges: [
        { ...account, answer: { status: 401, body: { detail: "Your AccountSid or AuthToken was incorrect." } } },
      ],
      verdict: "invalid",
    },
    {
      name: "a standard API key, which may not read the account",
      fields: keyFields,
      exchanges: [
        { ...accountByKey, answer: authenticate },
        { ...numbersByKey, answer: { status: 200, body: { incoming_phone_numbers: [], page: 0, page_size: 1 } } },
      ],
      verdict: "valid",
    },
    {
      name: "a restricted API key, which may read neither",
      fields: keyFields,
      exchanges: [
        { ...accountByKey, answer: notAuthorized },
        { ...numbersByKey, answer: notAuthorized },
      ],
      verdict: "insufficient_scope",
    },
    {
      name: "test credentials",
      fields,
      exchanges: [
        {
          ...account,
          answer: {
            status: 403,
            body: {
              code: 20008,
              message: "Resource not accessible with Test Account Credentials",
              more_info: "https://www.twilio.com/docs/errors/20008",
              status: 403,
            },
          },
        },
      ],
      verdict: "insufficient_scope",
    },
  ],
};
