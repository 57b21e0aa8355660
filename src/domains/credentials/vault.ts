/** Opening and sealing: the one place where a credential's values are in clear, and no longer than the call. */
import { createHash } from "node:crypto";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { RecordEvent } from "#events/recorder.ts";
import { effectiveOrigin } from "#providers/origin.ts";
import type { Provider } from "#providers/provider.ts";
import { fingerprintOf, openCredential, sealCredential, type CredentialPlace } from "#secrets/credential-seal.ts";
import { credentialsPurpose } from "#secrets/key-record.ts";
import { Secret } from "#secrets/secret.ts";
import { type Db, transaction } from "#store/database.ts";

import { describeUnknown } from "./fields.ts";
import {
  findCredential,
  findCredentialById,
  findSealedVersion,
  insertVersion,
  type KeyUse,
  listKeyUses,
  type SealedVersion,
  setQuarantine,
} from "./queries.ts";
import { type KnownProvider, requireProvider } from "./registry.ts";
import type { Credential, CredentialVersion, GivenFields } from "./schema.ts";

export type VaultApp = Pick<App, "config" | "db" | "keys">;

/** How a sealed version is read: alone, or together with others that are opened at that moment. */
export type ReadSealed = (credentialId: number, version: number) => Promise<SealedVersion | undefined>;

/** Seals the fields as the version that the credential has now; answers a digest of what was written, for the event. */
export async function sealVersion(
  tx: Db,
  app: Pick<App, "config" | "keys">,
  input: {
    credential: Credential;
    provider: Provider;
    secrets: GivenFields;
    settings: Record<string, string>;
    by: { name: string };
    /** What it was bound to before; without it, the origin that holds today. */
    origin?: string;
  },
): Promise<string> {
  const { credential, provider, secrets, settings, by } = input;
  const origin = input.origin ?? originOfFields(app, provider, { ...asSecrets(settings), ...secrets });
  const place = placeOf(credential, { version: credential.version, environment: credential.environment, origin });
  const { fields: blobs, ...key } = sealCredential(app.keys, place, secrets);
  const fields = Object.entries(blobs).map(([field, sealed]) => {
    const { version, digest } = fingerprintOf(app.keys, secrets[field] ?? new Secret(""));
    return { field, sealed, fingerprint: digest, fingerprintVersion: version };
  });
  const { version, environment } = place;
  const row = { credentialId: credential.id, version, environment, origin, settings, ...key, createdBy: by.name };
  await insertVersion(tx, row, fields);
  return digestOf(key.wrapped, fields);
}

/** Every field of a version, in clear. A version that does not open is `sealed` and names the credential. */
export async function openVersion(
  db: Db,
  app: Pick<App, "keys">,
  credential: Pick<Credential, "id" | "uid" | "credentialName">,
  version: number,
): Promise<GivenFields> {
  return (await openStored(readFrom(db), app, credential, version)).fields;
}

/** Before a transaction that opens versions: reading keys in it would wait for a second connection while it holds one. */
export async function learnKeysOf(app: Pick<App, "db" | "keys">, name: string): Promise<void> {
  for (const use of await listKeyUses(app.db, name)) await learnKey(app, use);
}

/** What an origin is made of: every field, the secret ones too, because a connection URL says where it leads. */
export function originOfFields(app: Pick<App, "config">, provider: Provider, fields: GivenFields): string {
  const plain = Object.entries(fields).map(([name, value]) => [name, value.reveal()] as const);
  return effectiveOrigin(provider, Object.fromEntries(plain), app.config.outside);
}

/**
 * The fields of a credential for use: a check, a reference, a program. A value that was
 * sealed for another origin, or does not open, quarantines the credential and is refused.
 */
export async function openForUse(
  app: VaultApp,
  credential: Credential,
  by: { name: string },
  readSealed: ReadSealed = readFrom(app.db),
): Promise<Pick<KnownProvider, "provider" | "source"> & { fields: GivenFields; version: number }> {
  const { credentialName: name, version } = credential;
  if (credential.quarantineReason !== null) throw quarantined(name, credential.quarantineReason);
  const { fields, origin: sealedFor } = await openOrQuarantine(app, credential, by, readSealed);
  const { provider, source } = await requireProvider(app, credential.provider);
  const origin = originOfFields(app, provider, fields);
  if (sealedFor === origin) return { provider, source, fields, version };
  const reason = `its value was sealed for ${sealedFor || "no origin"}, and would go to ${origin || "none"} now`;
  await quarantine(app, credential, reason, by);
  throw quarantined(name, reason);
}

/**
 * One field in clear for a person who asked for it by name, also in quarantine: nothing is
 * sent. The event is committed before the value leaves; when it cannot be written, nothing leaves.
 */
export async function revealField(app: VaultApp, name: string, field: string, by: { name: string }): Promise<Secret> {
  const credential = await requireNamed(app, name);
  const { fields } = await openOrQuarantine(app, credential, by);
  const value = requireField(name, fields, field);
  await recordUse(app, credential, { action: "credentials.reveal", outcome: "revealed", field, by });
  return value;
}

/** The same for a credential by its number, where many ask at once: their events are committed together. */
export async function revealById(
  app: VaultApp,
  id: number,
  field: string,
  { by, record }: { by: { name: string }; record: RecordEvent },
): Promise<Secret> {
  const credential = await findCredentialById(app.db, id);
  if (credential === undefined) throw hasNoCredential(id);
  const { fields } = await openOrQuarantine(app, credential, by);
  const value = requireField(credential.credentialName, fields, field);
  await recordUse(app, credential, { action: "credentials.reveal", outcome: "revealed", field, by }, record);
  return value;
}

/** One field for a `vault:` reference. Who uses what is written down once an hour. */
export async function openReferenceField(
  app: VaultApp & Pick<App, "now">,
  name: string,
  field: string,
): Promise<Secret> {
  const by = { name: `reference vault:${name}/${field}` };
  const credential = await requireNamed(app, name);
  const { fields, version } = await openForUse(app, credential, by);
  const value = requireField(name, fields, field);
  const hour = app.now().toISOString().slice(0, 13);
  const key = `credentials.use:${credential.uid}:${version}:${field}:${hour}`;
  await recordUse(app, credential, { key, action: "credentials.use", outcome: "opened", field, by });
  return value;
}

/** Written before a value leaves for somebody; `unavailable` when it cannot be. */
export async function recordUse(
  app: VaultApp,
  { credentialName: name, environment, version }: Credential,
  use: { key?: string; action: string; outcome: string; field: string; by: { name: string } },
  record: RecordEvent = (event) => transaction(app.db, (tx) => appendEvent(tx, app.keys, event)),
): Promise<void> {
  const { key, action, outcome, field, by } = use;
  const details = { field, version };
  const event = { key, actor: by.name, action, target: `credential ${name}`, environment, outcome, details };
  try {
    await record(event);
  } catch (cause) {
    throw new AppError("unavailable", `the use of credential ${name} cannot be recorded, and it is not given out`, {
      hint: "See what is wrong with: leveredge store status",
      cause,
    });
  }
}

async function openOrQuarantine(
  app: VaultApp,
  credential: Credential,
  by: { name: string },
  readSealed: ReadSealed = readFrom(app.db),
): Promise<{ fields: GivenFields; origin: string }> {
  const { credentialName: name, version } = credential;
  if (version === 0) throw hasNoValue(name);
  try {
    return await openStored(readSealed, app, credential, version);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "sealed") throw error;
    await quarantine(app, credential, "its sealed value does not open", by);
    throw error;
  }
}

function readFrom(db: Db): ReadSealed {
  return (credentialId, version) => findSealedVersion(db, credentialId, version);
}

async function openStored(
  readSealed: ReadSealed,
  app: Pick<App, "keys">,
  credential: Pick<Credential, "id" | "uid" | "credentialName">,
  version: number,
): Promise<{ fields: GivenFields; origin: string }> {
  const stored = await readSealed(credential.id, version);
  if (stored === undefined) {
    throw new AppError("not_found", `credential ${credential.credentialName} has no version ${version}`, {
      hint: `See its versions with: leveredge credentials show ${credential.credentialName}`,
    });
  }
  await learnKey(app, stored);
  const blobs = stored.fieldNames.map((name, place) => [name, stored.sealed[place] ?? Buffer.alloc(0)] as const);
  const sealed = { ...stored, fields: Object.fromEntries(blobs) };
  const opened = openCredential(app.keys, placeOf(credential, stored), sealed);
  return { fields: { ...asSecrets(stored.settings), ...opened }, origin: stored.origin };
}

/** A key that another process made since this one started is read from the store. */
async function learnKey({ keys }: Pick<App, "keys">, stored: KeyUse): Promise<void> {
  if (keys.find(credentialsPurpose(stored.environment), stored.kekVersion) === undefined) await keys.reload();
}

async function quarantine(app: VaultApp, credential: Credential, reason: string, by: { name: string }): Promise<void> {
  const { id, credentialName, version, environment } = credential;
  await transaction(app.db, async (tx) => {
    if (!(await setQuarantine(tx, id, version, reason))) return;
    await appendEvent(tx, app.keys, {
      actor: by.name,
      action: "credentials.credential",
      target: `credential ${credentialName}`,
      environment,
      outcome: "quarantined",
      details: { reason, version },
      notice: {
        severity: "high",
        title: `credential ${credentialName} is quarantined`,
        text: `It is not used any more: ${reason}.\nRemedy: leveredge credentials show ${credentialName}`,
        section: 3,
      },
    });
  });
}

async function requireNamed(app: Pick<App, "db">, name: string): Promise<Credential> {
  const credential = await findCredential(app.db, name);
  if (credential === undefined) throw hasNoCredential(name);
  return credential;
}

function requireField(name: string, fields: GivenFields, field: string): Secret {
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (value !== undefined) return value;
  throw new AppError("not_found", `credential ${name} has no field ${describeUnknown(field)}`, {
    hint: `It has: ${Object.keys(fields).join(", ")}.`,
  });
}

/** For every part that is asked for a credential by its name, or by its number. */
export function hasNoCredential(key: string | number): AppError {
  const words = typeof key === "number" ? `with the id ${key}` : describeUnknown(key);
  return new AppError("not_found", `there is no credential ${words}`, {
    hint: "List them with: leveredge credentials list",
  });
}

/** For every part that needs the value. */
export function hasNoValue(name: string): AppError {
  return new AppError("conflict", `credential ${name} has no value yet`, {
    hint: `Give it one with: leveredge credentials rotate ${name}`,
  });
}

function quarantined(name: string, reason: string): AppError {
  return new AppError("conflict", `credential ${name} is quarantined: ${reason}`, {
    hint: `When that is what you want: leveredge credentials rebind ${name}; else give it a new value.`,
  });
}

function placeOf(
  { uid }: Pick<Credential, "uid">,
  { version, environment, origin }: Pick<CredentialVersion, "version" | "environment" | "origin">,
): CredentialPlace {
  return { credentialId: uid, environment, version, origin };
}

function asSecrets(settings: Record<string, string>): GivenFields {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, new Secret(value)]));
}

function digestOf(wrapped: Buffer, fields: readonly { field: string; sealed: Buffer }[]): string {
  const hash = createHash("sha256").update(wrapped);
  for (const { sealed } of fields.toSorted((a, b) => (a.field < b.field ? -1 : 1))) hash.update(sealed);
  return hash.digest("hex");
}
