/**
 * AWS: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html — the error's code tells.
 * A clock that is wrong is told with the code of a wrong secret; only the message differs.
 */
import type { PlayedCase, PlayedExchange, PlayedProvider } from "./played-provider.ts";

const fields = {
  access_key_id: "AKIAIOSFODNN7EXAMPLE",
  secret_access_key: "fixture/aws/secret+access/key/0000000001",
};
const sessionFields = {
  access_key_id: "ASIAIOSFODNN7EXAMPLE",
  secret_access_key: "fixture/aws/secret+access/key/0000000002",
  session_token: "fixture-aws-session-token-0003",
};

function callerIdentity(
  status: number,
  body: unknown,
  { origin = "https://sts.amazonaws.com", sessionToken }: { origin?: string; sessionToken?: string } = {},
): PlayedExchange[] {
  return [
    {
      method: "POST",
      origin,
      path: "/",
      headers: { accept: "application/json", "x-amz-security-token": sessionToken },
      form: { Action: "GetCallerIdentity", Version: "2011-06-15" },
      answer: { status, body },
    },
  ];
}

function identified(arn: string) {
  return {
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: { Account: "123456789012", Arn: arn, UserId: "AIDACKCEVSXMPLFIXTURE" },
      ResponseMetadata: { RequestId: "01234567-89ab-cdef-0123-456789abcdef" },
    },
  };
}

const arn = "arn:aws:iam::123456789012:user/deploy";
const wrongSignature =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.";
const expiredToken = {
  code: "ExpiredToken",
  message: "The security token included in the request is expired",
};
const oldRequest = { code: "RequestExpired", message: "Request has expired." };

/** Each partition's own keys, and where they are known. */
const partitions = [
  { region: "us-east-1", origin: "https://sts.amazonaws.com" },
  { region: "cn-north-1", origin: "https://sts.cn-north-1.amazonaws.com.cn" },
  { region: "us-gov-west-1", origin: "https://sts.us-gov-west-1.amazonaws.com" },
];

function listRefusals({ region, origin }: { region: string; origin: string }): PlayedCase[] {
  const refused = (
    name: string,
    verdict: PlayedCase["verdict"],
    status: number,
    { code, message }: { code: string; message: string },
  ): PlayedCase => ({
    name: `${name}, in ${region}`,
    fields: { ...fields, region },
    exchanges: callerIdentity(
      status,
      {
        Error: { Code: code, Message: message, Type: "Sender" },
        RequestId: "01234567-89ab-cdef-0123-456789abcdef",
      },
      { origin },
    ),
    verdict,
  });
  return [
    refused("a key id that was deleted or made inactive", "invalid", 403, {
      code: "InvalidClientTokenId",
      message: "The security token included in the request is invalid.",
    }),
    refused("a wrong secret", "invalid", 403, { code: "SignatureDoesNotMatch", message: wrongSignature }),
    refused("our clock, which is late", "unknown", 403, {
      code: "SignatureDoesNotMatch",
      message: "Signature expired: 20261123T001427Z is now earlier than 20261123T014428Z (20261123T015928Z - 15 min.)",
    }),
    refused("our clock, which is early", "unknown", 403, {
      code: "SignatureDoesNotMatch",
      message:
        "Signature not yet current: 20261123T194419Z is still later than 20261123T072625Z (20261123T071125Z + 15 min.)",
    }),
    refused("a session that expired", "expired", 403, expiredToken),
    refused("a session that expired, told as a bad request", "expired", 400, expiredToken),
    refused("a policy that forbids", "insufficient_scope", 403, {
      code: "AccessDenied",
      message: `User: ${arn} is not authorized to perform: sts:GetCallerIdentity with an explicit deny`,
    }),
    refused("a request that is too old", "unknown", 400, oldRequest),
    refused("a request that is too old, told as forbidden", "unknown", 403, oldRequest),
    refused("a 403 with another code", "unknown", 403, {
      code: "MissingAuthenticationToken",
      message: "Request is missing Authentication Token",
    }),
    refused("a 400 with another code", "unknown", 400, {
      code: "IncompleteSignature",
      message: "Authorization header requires 'Signature' parameter.",
    }),
  ];
}

export const aws: PlayedProvider = {
  provider: "aws",
  cases: [
    {
      name: "the key of a user",
      fields,
      exchanges: callerIdentity(200, identified(arn)),
      verdict: "valid",
      identity: arn,
    },
    {
      name: "the session of a role",
      fields: sessionFields,
      exchanges: callerIdentity(200, identified("arn:aws:sts::123456789012:assumed-role/deploy/worker"), {
        sessionToken: sessionFields.session_token,
      }),
      verdict: "valid",
      identity: "arn:aws:sts::123456789012:assumed-role/deploy/worker",
    },
    {
      name: "a key of the Chinese partition, which the global endpoint does not know",
      fields: { ...fields, region: "cn-north-1" },
      exchanges: callerIdentity(200, identified("arn:aws-cn:iam::123456789012:user/deploy"), {
        origin: "https://sts.cn-north-1.amazonaws.com.cn",
      }),
      verdict: "valid",
      identity: "arn:aws-cn:iam::123456789012:user/deploy",
    },
    {
      name: "a key of the government's partition, which the global endpoint does not know",
      fields: { ...fields, region: "us-gov-west-1" },
      exchanges: callerIdentity(200, identified("arn:aws-us-gov:iam::123456789012:user/deploy"), {
        origin: "https://sts.us-gov-west-1.amazonaws.com",
      }),
      verdict: "valid",
      identity: "arn:aws-us-gov:iam::123456789012:user/deploy",
    },
    ...partitions.flatMap(listRefusals),
  ],
};
