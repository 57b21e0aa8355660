/**
 * A provider as data: which fields a credential of it has, how to ask whether one
 * lives, and what each answer means. The built-in ones (`all.ts`) and those that a
 * user adds in `leveredge.yaml` or over the API have this one form; keys that it
 * does not know are refused, because a misspelled rule would make a live key look dead.
 *
 * Text in requests is a template: `{field}` is a field of the credential or what an
 * earlier step captured; `{field?}` leaves its header, query or form item out when
 * the field is absent.
 */
import { z } from "zod";

import { listDefinitionFaults } from "./definition-faults.ts";

/** Live: valid, insufficient_scope. Dead: invalid, expired, revoked. The rest is no evidence and never red. */
export const Verdict = z.enum([
  "valid",
  "insufficient_scope",
  "invalid",
  "expired",
  "revoked",
  "rate_limited",
  "provider_down",
  "unknown",
  "not_checkable",
]);
export type Verdict = z.output<typeof Verdict>;

const template = z.string();
const templates = z.record(z.string(), template);
const fieldName = z.string().regex(/^[a-z][a-z0-9_]*$/);

const Field = z.strictObject({
  type: z.enum(["secret", "string"]),
  required: z.boolean(),
  /** A regular expression. Keys change their shape: another one warns and is kept. */
  shape: z.string().refine(isPattern, { error: "a regular expression" }).optional(),
  /** What stands for an absent field. */
  default: z.string().optional(),
  note: z.string().optional(),
});

type Scalar = string | number | boolean;
const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** Asked of a JSON body by path (`error.details[].reason`: any element), or of its text, whatever its case. */
export type Condition =
  | { path: string; equals: Scalar }
  | { path: string; in: Scalar[] }
  | { path: string; exists: true }
  | { contains: string }
  | { all: Condition[] }
  | { any: Condition[] };
const Condition: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    z.strictObject({ path: z.string(), equals: scalar }),
    z.strictObject({ path: z.string(), in: z.array(scalar).min(1) }),
    z.strictObject({ path: z.string(), exists: z.literal(true) }),
    z.strictObject({ contains: z.string().min(1) }),
    z.strictObject({ all: z.array(Condition).min(1) }),
    z.strictObject({ any: z.array(Condition).min(1) }),
  ]),
);

const Status = z.union([
  z.int().min(100).max(999),
  z.enum(["2xx", "4xx"]),
  // What PostgreSQL answers: `ok`, or a SQLSTATE.
  z.string().regex(/^(ok|[0-9A-Z]{5})$/),
]);

/** The first rule that fits decides; none that fits leaves the answer to the engine, which never calls a key dead. */
const Rule = z.strictObject({
  status: z.array(Status).min(1),
  /** By lower-case name: the text that the header's value contains; "" asks only that it is there. */
  header: z.record(z.string(), z.string()).optional(),
  body: Condition.optional(),
  /** `next` goes on to the next step that applies. */
  verdict: z.enum([...Verdict.options, "next"]),
  note: z.string().optional(),
});
export type Rule = z.output<typeof Rule>;

/** Where a fact about the credential stands: in the answer, or in a claim of a field that is a JSON Web Token. */
const Source = z.union([
  z.strictObject({ path: z.string() }),
  z.strictObject({ header: z.string() }),
  z.strictObject({ field: fieldName, claim: z.string() }),
]);
export type Source = z.output<typeof Source>;

const Facts = {
  /** `date` is any text that names an instant. */
  expires_at: z.strictObject({ from: Source, format: z.enum(["date", "unix_s", "unix_ms"]) }).optional(),
  /** Names; one text is split at the separator. */
  scopes: z.strictObject({ from: Source, separator: z.string().optional() }).optional(),
  /** The account behind the key: another one is an event. */
  identity: z.strictObject({ from: Source }).optional(),
};

/** Which credentials a step is for: those that have the field, have it not, or whose field begins so or is so. */
const When = z.union([
  z.strictObject({ field: fieldName, is: z.enum(["present", "absent"]) }),
  z.strictObject({ field: fieldName, starts_with: z.string() }),
  z.strictObject({ field: fieldName, not_starts_with: z.string() }),
  z.strictObject({ field: fieldName, equals: z.string() }),
]);
export type When = z.output<typeof When>;

const Auth = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("basic"), user: template, password: template }),
  /** AWS Signature Version 4 over the request. */
  z.strictObject({
    kind: z.literal("sigv4"),
    service: z.string(),
    region: template,
    access_key_id: template,
    secret_access_key: template,
    session_token: template.optional(),
  }),
  /** RFC 7523: the form gets grant_type and an assertion signed with the key in the service account's JSON. */
  z.strictObject({ kind: z.literal("google_jwt"), service_account: fieldName, scope: z.string() }),
]);

const Step = z.strictObject({
  /** All of them must hold. */
  when: z.array(When).default([]),
  method: z.enum(["GET", "POST"]),
  /** Instead of the provider's. */
  base_url: template.optional(),
  /** With its query; values are encoded. */
  path: template,
  headers: templates.default({}),
  form: templates.optional(),
  /** Sent as JSON; templates in its texts. */
  json: z.json().optional(),
  auth: Auth.optional(),
  /** From a JSON answer, for later steps: `{ access_token: "access_token" }`. */
  capture: z.record(fieldName, z.string()).optional(),
  rules: z.array(Rule).min(1),
  ...Facts,
});
export type Step = z.output<typeof Step>;

const Check = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("http"), steps: z.array(Step).min(1) }),
  /** A connection and one read. The answer's status is `ok` or a SQLSTATE, its body `{ user, database, valid_until, superuser }`. */
  z.strictObject({ kind: z.literal("postgres"), connection_url: fieldName, rules: z.array(Rule).min(1), ...Facts }),
  /** EHLO, AUTH, QUIT. The answer's status is the reply code of AUTH, its body the reply's text. */
  z.strictObject({
    kind: z.literal("smtp"),
    host: template,
    port: template,
    secure: template,
    user: template,
    password: template,
    rules: z.array(Rule).min(1),
  }),
  /** Nothing may be asked: the reason. */
  z.strictObject({ kind: z.literal("none"), why: z.string() }),
]);
export type Check = z.output<typeof Check>;

const Form = z.strictObject({
  /** `openai`; the specification's name where it has one. */
  name: z.string().regex(/^[a-z][a-z0-9_]{1,62}$/, { error: "lower-case letters, digits and _" }),
  title: z.string(),
  category: z.enum([
    "llm",
    "media",
    "google",
    "communication",
    "email",
    "infrastructure",
    "developer",
    "data",
    "payment",
    "observability",
    "generic",
  ]),
  type: z.enum(["api_key", "oauth2", "service_account", "basic", "connection_url"]),
  fields: z.record(fieldName, Field),
  /** May have fields in it. Null where nothing is asked. */
  base_url: template.nullable(),
  auth_endpoint: z.string().optional(),
  token_endpoint: z.string().optional(),
  docs_url: z.url().optional(),
  required_scopes: z.array(z.string()).default([]),
  check: Check,
  /** No check of the same credential sooner, unless somebody asks for it. */
  min_interval_s: z.int().min(60).default(3600),
  /** What the provider's own API offers. */
  rotation: z
    .strictObject({ mode: z.enum(["dual_phase", "in_place", "manual"]), how: z.string() })
    .default({ mode: "manual", how: "make a new one by hand, then: leveredge credentials rotate" }),
  /** What a made-up key of the right shape gets; `without_key` where the endpoint may be served to everybody. */
  negative_control: z
    .strictObject({ fields: z.record(fieldName, z.string()), verdict: Verdict, without_key: Verdict.optional() })
    .optional(),
  /** True until somebody has seen the negative control answered by the real service. */
  unproven: z.boolean().default(false),
});
export type Provider = z.output<typeof Form>;
export type ProviderInput = z.input<typeof Form>;

/** As it was stored: refused by now or not, it must not keep the others from being read. */
export const StoredProvider: z.ZodType<Provider> = Form;

/** Refuses what has the form and could not be carried out, too. */
export const Provider: z.ZodType<Provider, ProviderInput> = Form.superRefine((definition, context) => {
  for (const fault of listDefinitionFaults(definition)) context.addIssue({ code: "custom", ...fault });
});

/** A built-in provider; throws at load when it is not of the form. */
export function provider(definition: ProviderInput): Provider {
  return Provider.parse(definition);
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text).source !== "";
  } catch {
    // The constructor throws for what is no pattern: that is the answer.
    return false;
  }
}
