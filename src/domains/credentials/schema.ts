/** The nouns of AEGIS: a credential, its sealed versions, what checks said of it. Values of secrets are in none of them. */
import { z } from "zod";

import { Verdict } from "#providers/provider.ts";
import { Secret } from "#secrets/secret.ts";

export const Environment = z.enum(["dev", "prod", "shared"]);
export type Environment = z.output<typeof Environment>;

/** Letters, digits, `.`, `_` and `-`: it stands in references as `vault:NAME/FIELD`. */
export const CredentialName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, { error: "letters, digits, . _ and -, at most 100, the first no sign" });

/** A text of ours that is kept: no row takes a NUL, and no list a second line. */
export const Line = z.string().regex(/^\P{Cc}*$/u, { error: "one line without control characters" });

export const Note = Line.max(1000);

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));
const instant = z.iso.datetime({ offset: true });

/** A credential as lists show it. */
export const Credential = z.object({
  id: z.int(),
  uid: z.uuid(),
  credentialName: z.string(),
  provider: z.string(),
  environment: Environment,
  /** 0 has no value yet. */
  version: z.int(),
  /** Grows with every change of the row: the lock of those who read before they write. */
  revision: z.int(),
  expiresAt: z.string().nullable(),
  /** Who says when it expires: the provider, its owner, nobody. */
  expirySource: z.enum(["discovered", "declared", "unknown"]),
  /** When the last check that told something told it. */
  lastValidatedAt: z.string().nullable(),
  validationStatus: Verdict,
  /** The last check, whatever it told. */
  attemptedAt: z.string().nullable(),
  attemptVerdict: Verdict.nullable(),
  attemptDetail: z.string().nullable(),
  /** A dead verdict that waits for its confirmation. */
  deadVerdict: Verdict.nullable(),
  deadSeenAt: z.string().nullable(),
  /** From then on a second dead answer confirms the first. */
  confirmAfter: z.string().nullable(),
  /** The account behind it, by the provider's word. */
  identity: z.string().nullable(),
  scopes: z.array(z.string()).nullable(),
  rotationReminderDays: z.int(),
  valueChangedAt: z.string().nullable(),
  quarantinedAt: z.string().nullable(),
  quarantineReason: z.string().nullable(),
  note: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Credential = z.output<typeof Credential>;

export const CredentialVersion = z.object({
  credentialId: z.int(),
  version: z.int(),
  environment: Environment,
  /** What the value may be sent to: scheme://host:port of each request of its check, by commas. */
  origin: z.string(),
  /** Fields that are no secret. */
  settings: z.record(z.string(), z.string()),
  dekId: z.uuid(),
  kekVersion: z.int(),
  wrapped: bytes,
  commitment: bytes,
  createdAt: z.string(),
  createdBy: z.string(),
});
export type CredentialVersion = z.output<typeof CredentialVersion>;

export const SealedField = z.object({
  field: z.string(),
  sealed: bytes,
  fingerprint: bytes,
  fingerprintVersion: z.int(),
});
export type SealedField = z.output<typeof SealedField>;

/** What people may see of a version. */
export const VersionSummary = z.object({
  version: z.int(),
  environment: Environment,
  origin: z.string(),
  settings: z.record(z.string(), z.string()),
  /** Names of the fields that are sealed. */
  secrets: z.array(z.string()),
  createdAt: z.string(),
  createdBy: z.string(),
});
export type VersionSummary = z.output<typeof VersionSummary>;

/** One live check. */
export const CredentialCheck = z.object({
  id: z.int(),
  version: z.int(),
  verdict: Verdict,
  detail: z.string(),
  status: z.string().nullable(),
  latencyMs: z.int(),
  identity: z.string().nullable(),
  scopes: z.array(z.string()).nullable(),
  expiresAt: z.string().nullable(),
  requestedBy: z.string(),
  checkedAt: z.string(),
});
export type CredentialCheck = z.output<typeof CredentialCheck>;

/** Credentials with a field of the same value. */
export const EqualGroup = z.object({
  members: z.array(z.object({ credentialName: z.string(), field: z.string(), environment: Environment })),
});
export type EqualGroup = z.output<typeof EqualGroup>;

/** The fields of a credential as somebody gives them. */
export type GivenFields = Record<string, Secret>;

export const NewCredential = z.strictObject({
  name: CredentialName,
  provider: Line,
  environment: Environment.default("prod"),
  fields: z.record(
    z.string(),
    z.string().transform((text) => new Secret(text)),
  ),
  /** Declared by its owner; what the provider says wins. */
  expires_at: instant.optional(),
  rotation_reminder_days: z.int().min(1).max(3650).default(90),
  note: Note.optional(),
});
export type NewCredential = z.output<typeof NewCredential>;
