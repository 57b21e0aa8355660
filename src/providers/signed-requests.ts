/** Requests that are signed: AWS Signature Version 4, and the assertion of a Google service account. */
import { AwsV4Signer } from "aws4fetch";
import { importPKCS8, SignJWT } from "jose";
import { z } from "zod";

import { AppError } from "#errors.ts";

import type { Provider, Step } from "./provider.ts";
import { planRequest, type PlannedRequest } from "./requests.ts";
import { fill, type Values } from "./templates.ts";

type Auth<Kind extends string> = Extract<NonNullable<Step["auth"]>, { kind: Kind }>;

/** Whatever a service account's file says: an address in it is its writer's. */
const googleTokenUrl = "https://oauth2.googleapis.com/token";

const ServiceAccount = z.object({
  client_email: z.string(),
  private_key: z.string(),
  private_key_id: z.string().optional(),
});

/** The request of a step with its signature, if it has one. */
export async function planSignedRequest(
  provider: Provider,
  step: Step,
  values: Values,
  now: Date,
): Promise<PlannedRequest> {
  switch (step.auth?.kind) {
    case "sigv4":
      return signForAws(planRequest(provider, step, values), step.auth, values, now);
    case "google_jwt":
      return addAssertion(provider, step, step.auth, values, now);
    case "basic":
    case undefined:
      return planRequest(provider, step, values);
  }
}

async function signForAws(
  planned: PlannedRequest,
  auth: Auth<"sigv4">,
  values: Values,
  now: Date,
): Promise<PlannedRequest> {
  const sessionToken = auth.session_token === undefined ? undefined : fill(auth.session_token, values);
  const signer = new AwsV4Signer({
    method: planned.method,
    url: planned.url,
    headers: planned.headers,
    ...(planned.body === undefined ? {} : { body: planned.body }),
    accessKeyId: fill(auth.access_key_id, values) ?? "",
    secretAccessKey: fill(auth.secret_access_key, values) ?? "",
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: auth.service,
    region: fill(auth.region, values) ?? "",
    datetime: now.toISOString().replaceAll(/[:-]|\.\d{3}/g, ""),
  });
  const { headers } = await signer.sign();
  const signed = Object.fromEntries([...headers].filter(([name]) => name !== "host"));
  return { ...planned, headers: signed };
}

async function addAssertion(
  provider: Provider,
  step: Step,
  { service_account: field, scope }: Auth<"google_jwt">,
  values: Values,
  now: Date,
): Promise<PlannedRequest> {
  const account = readServiceAccount(field, values[field]);
  const issuedAt = Math.floor(now.getTime() / 1000);
  const key = await importPKCS8(account.private_key, "RS256").catch(() => {
    throw new AppError("invalid_input", `the field ${field} has a private_key that is no PKCS #8 key`, {
      hint: jsonHint,
    });
  });
  const assertion = await new SignJWT({ scope })
    .setProtectedHeader({
      alg: "RS256",
      typ: "JWT",
      ...(account.private_key_id === undefined ? {} : { kid: account.private_key_id }),
    })
    .setIssuer(account.client_email)
    .setAudience(googleTokenUrl)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + 3600)
    .sign(key);
  const form = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: "{assertion}" };
  return planRequest(provider, { ...step, base_url: googleTokenUrl, path: "", form }, { ...values, assertion });
}

const jsonHint = "Give the whole JSON file of the key as Google made it.";

/** The parser's own error would repeat the text. */
function readServiceAccount(field: string, text: string | undefined): z.output<typeof ServiceAccount> {
  const parsed = ServiceAccount.safeParse(parse(text ?? ""));
  if (parsed.success) return parsed.data;
  throw new AppError("invalid_input", `the field ${field} is not the JSON of a service account's key`, {
    hint: jsonHint,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // What is no JSON is no service account: told without the text.
    return undefined;
  }
}
