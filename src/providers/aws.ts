import { provider, type ProviderInput, type Rule } from "./provider.ts";

const stsRules = [
  { status: [200], verdict: "valid" },
  // STS gives a clock that is wrong the same code as a wrong secret.
  {
    status: [403],
    body: { any: [{ contains: "signature expired" }, { contains: "signature not yet current" }] },
    verdict: "unknown",
    note: "the clock of this machine is wrong",
  },
  {
    status: [403],
    body: { path: "Error.Code", in: ["InvalidClientTokenId", "SignatureDoesNotMatch"] },
    verdict: "invalid",
  },
  { status: [400, 403], body: { path: "Error.Code", equals: "ExpiredToken" }, verdict: "expired" },
  // Denied by a policy, so recognised.
  { status: [403], body: { path: "Error.Code", equals: "AccessDenied" }, verdict: "insufficient_scope" },
] satisfies Rule[];

type Step = Extract<ProviderInput["check"], { kind: "http" }>["steps"][number];

/** Asks who the key is; no policy is needed for it, and a line in CloudTrail is all that it leaves. */
function askWhoIAm(region: string): Omit<Step, "when"> {
  return {
    method: "POST",
    path: "/",
    headers: { accept: "application/json" },
    form: { Action: "GetCallerIdentity", Version: "2011-06-15" },
    auth: {
      kind: "sigv4",
      service: "sts",
      region,
      access_key_id: "{access_key_id}",
      secret_access_key: "{secret_access_key}",
      session_token: "{session_token?}",
    },
    rules: stsRules,
    identity: { from: { path: "GetCallerIdentityResponse.GetCallerIdentityResult.Arn" } },
  };
}

export const aws = provider({
  name: "aws",
  title: "AWS access key",
  category: "infrastructure",
  type: "api_key",
  fields: {
    access_key_id: { type: "string", required: true, shape: "^(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}$" },
    secret_access_key: { type: "secret", required: true, shape: "^[A-Za-z0-9+/]{40}$" },
    session_token: { type: "secret", required: false },
    region: {
      type: "string",
      required: false,
      shape: "^[a-z]{2}(?:-[a-z]+)+-[0-9]$",
      default: "us-east-1",
      note: "needed for China and GovCloud: their keys are known there alone",
    },
  },
  base_url: "https://sts.amazonaws.com",
  docs_url: "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
  check: {
    kind: "http",
    steps: [
      {
        when: [
          { field: "region", not_starts_with: "cn-" },
          { field: "region", not_starts_with: "us-gov-" },
        ],
        ...askWhoIAm("us-east-1"),
      },
      // One region knows the keys of its whole partition.
      {
        when: [{ field: "region", starts_with: "us-gov-" }],
        base_url: "https://sts.us-gov-west-1.amazonaws.com",
        ...askWhoIAm("us-gov-west-1"),
      },
      {
        when: [{ field: "region", starts_with: "cn-" }],
        base_url: "https://sts.cn-north-1.amazonaws.com.cn",
        ...askWhoIAm("cn-north-1"),
      },
    ],
  },
  rotation: {
    mode: "dual_phase",
    how: "IAM CreateAccessKey, then UpdateAccessKey Inactive and DeleteAccessKey for the old one; two at most",
  },
  negative_control: {
    fields: { access_key_id: `AKIA${"0".repeat(16)}`, secret_access_key: "0".repeat(40) },
    verdict: "invalid",
  },
});
