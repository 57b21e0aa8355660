import type { PlayedProvider } from "./played-provider.ts";

const serverToken = "fixture-postmark-0001-9c1e-77b2";
const accountToken = "fixture-postmark-0002-41d0-8ea5";
const server = {
  method: "GET",
  origin: "https://api.postmarkapp.com",
  path: "/server",
  headers: { "x-postmark-server-token": serverToken, authorization: undefined, accept: "application/json" },
} as const;
const servers = {
  method: "GET",
  origin: "https://api.postmarkapp.com",
  path: "/servers?count=1&offset=0",
  headers: { "x-postmark-account-token": accountToken, "x-postmark-server-token": undefined, authorization: undefined },
} as const;

const found = {
  status: 200,
  body: {
    ID: 4021,
    Name: "Harbour Alerts",
    ApiTokens: [],
    Color: "blue",
    SmtpApiActivated: true,
    DeliveryType: "Live",
    ServerLink: "https://postmarkapp.com/servers/4021/streams",
  },
};
const listed = { status: 200, body: { TotalCount: 1, Servers: [found.body] } };
const badToken = {
  status: 401,
  body: { ErrorCode: 10, Message: "Request does not contain a valid Server token." },
};

/** Postmark's server, and before it the account's list of servers when its token is there too. */
export const postmark: PlayedProvider = {
  provider: "postmark",
  cases: [
    {
      name: "the token of a server",
      fields: { server_token: serverToken },
      exchanges: [{ ...server, answer: found }],
      verdict: "valid",
    },
    {
      name: "a wrong token of a server",
      fields: { server_token: serverToken },
      exchanges: [{ ...server, answer: badToken }],
      verdict: "invalid",
    },
    {
      name: "a refusal with another code",
      fields: { server_token: serverToken },
      exchanges: [{ ...server, answer: { status: 401, body: { Message: "Unauthorized" } } }],
      verdict: "invalid",
    },
    {
      name: "the tokens of a server and of the account",
      fields: { server_token: serverToken, account_token: accountToken },
      exchanges: [
        { ...servers, answer: listed },
        { ...server, answer: found },
      ],
      verdict: "valid",
    },
    {
      name: "a wrong token of the account",
      fields: { server_token: serverToken, account_token: accountToken },
      exchanges: [
        {
          ...servers,
          answer: {
            status: 401,
            body: { ErrorCode: 10, Message: "The 'X-Postmark-Account-Token' header was not recognized as valid." },
          },
        },
      ],
      verdict: "invalid",
    },
    {
      name: "a wrong token of a server beside the account's",
      fields: { server_token: serverToken, account_token: accountToken },
      exchanges: [
        { ...servers, answer: listed },
        { ...server, answer: badToken },
      ],
      verdict: "invalid",
    },
  ],
};
