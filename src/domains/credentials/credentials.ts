/**
 * AEGIS: credentials, sealed at rest and checked live.
 *
 * A credential has a name, a provider, an environment and a value: the provider's
 * fields. Fields that are secret are sealed under a key of that version of the value
 * alone, which is wrapped by the key of its environment; the seal is bound to
 * credential, field, environment, version and to the origin that the value may be
 * sent to. A value is never changed: a new one is the next version, and going back
 * makes the old value the next version too.
 *
 * When the origin that the definition and the configuration give today is not the one
 * that a value was sealed for, the credential is quarantined: nothing is sent and
 * nothing opens by reference until somebody says `credentials rebind`.
 *
 * Every change is one transaction with its event; the event has digests of what was
 * written and no value. Readers see values only through `vault.ts`.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { Provider } from "#providers/provider.ts";
import { Secret } from "#secrets/secret.ts";
import { type Db, transaction } from "#store/database.ts";

import { type FieldWarning, readFields, type ReadFields } from "./fields.ts";
import {
  deleteCredential,
  deleteVersionsBefore,
  findCredential,
  findVersion,
  insertCredential,
  lockCredential,
  takeNextVersion,
  updateCredential,
} from "./queries.ts";
import { type KnownProvider, registerProvider, requireProvider } from "./registry.ts";
import { findUnfinishedRotation } from "./rotation-queries.ts";
import type { Credential, GivenFields, NewCredential } from "./schema.ts";
import { hasNoCredential, hasNoValue, learnKeysOf, openVersion, originOfFields, sealVersion } from "./vault.ts";

export type CredentialApp = Pick<App, "config" | "db" | "keys">;
export type By = { name: string };

/** A credential after a change, and what looks odd about the value. */
export type Written = { credential: Credential; warnings: FieldWarning[] };

/** Guards a change against another one in between: the revision that the caller read. */
export type Guard = { ifRevision?: number | undefined };

/** So many versions of a value can be gone back to. */
const keptVersions = 10;

/** Makes a credential of version 1; `conflict` when the name is taken. */
export async function addCredential(app: CredentialApp, input: NewCredential, by: By): Promise<Written> {
  const known = await requireProvider(app, input.provider);
  const read = readFields(known.provider, input.fields);
  const credential = await transaction(app.db, (tx) => insertSealed(tx, app, { input, known, read }, by));
  if (credential !== undefined) return { credential, warnings: read.warnings };
  throw new AppError("conflict", `there is a credential ${input.name} already`, {
    hint: `Give it a new value with: leveredge credentials rotate ${input.name}`,
  });
}

/** The same in the caller's transaction; undefined, and nothing written, when the name is taken. */
export async function insertSealed(
  tx: Db,
  app: CredentialApp,
  { input, known, read }: { input: NewCredential; known: KnownProvider; read: ReadFields },
  by: By,
): Promise<Credential | undefined> {
  await registerProvider(tx, known);
  const inserted = await insertCredential(tx, input);
  if (inserted === undefined) return undefined;
  const credential = await takeNextVersion(tx, inserted.id, { declaredExpiresAt: input.expires_at });
  const { secrets, settings } = read;
  const digest = await sealVersion(tx, app, { credential, provider: known.provider, secrets, settings, by });
  await tell(tx, app, credential, by, "added", { digest });
  return credential;
}

/**
 * Gives it a new value as the next version. Fields that are not given keep theirs, but a
 * secret that nobody gives anew is not sent elsewhere by it: `conflict`. The old value's
 * declared expiry ends with it.
 */
export async function replaceValue(
  app: CredentialApp,
  name: string,
  fields: GivenFields,
  by: By,
  options: Guard & { expiresAt?: string | undefined } = {},
): Promise<Written> {
  await learnKeysOf(app, name);
  return transaction(app.db, async (tx) => {
    const locked = await requireChangeable(tx, name, options);
    const { provider } = await requireProvider({ ...app, db: tx }, locked.provider);
    const kept = await openKept(tx, app, locked);
    const read = readFields(provider, { ...kept, ...fields });
    await refuseElsewhere(tx, app, locked, { provider, secrets: read.secrets, settings: read.settings, given: fields });
    const credential = await takeNextVersion(tx, locked.id, { declaredExpiresAt: options.expiresAt });
    const digest = await sealVersion(tx, app, { credential, provider, ...read, by });
    await tell(tx, app, credential, by, "rotated", { digest, fields: Object.keys(fields) });
    return { credential, warnings: read.warnings };
  });
}

/**
 * Makes an earlier value the next version: the one before, or the one that is named. It
 * stays bound to its own origin: where that is another today, its first use quarantines it.
 */
export async function rollBack(
  app: CredentialApp,
  name: string,
  by: By,
  options: Guard & { to?: number | undefined } = {},
): Promise<Credential> {
  await learnKeysOf(app, name);
  return transaction(app.db, async (tx) => {
    const locked = await requireChangeable(tx, name, options);
    const to = options.to ?? locked.version - 1;
    const earlier = to < locked.version ? await findVersion(tx, locked.id, to) : undefined;
    if (earlier === undefined) {
      const what =
        locked.version < 2 && options.to === undefined ? "no earlier version" : `no version ${to} before its own`;
      throw new AppError("not_found", `credential ${name} has ${what}`, {
        hint: `See its versions with: leveredge credentials show ${name}`,
      });
    }
    const read = await readVersion(tx, app, locked, to);
    const credential = await takeNextVersion(tx, locked.id);
    const digest = await sealVersion(tx, app, { credential, ...read, by, origin: earlier.origin });
    await tell(tx, app, credential, by, "rolled back", { to, digest });
    return credential;
  });
}

/** Binds the value to the origin that holds today and ends the quarantine: somebody has looked at it. */
export async function rebind(app: CredentialApp, name: string, by: By, guard: Guard = {}): Promise<Credential> {
  await learnKeysOf(app, name);
  return transaction(app.db, async (tx) => {
    const locked = await requireChangeable(tx, name, guard);
    if (locked.version === 0) throw hasNoValue(name);
    const read = await readVersion(tx, app, locked, locked.version);
    const credential = await takeNextVersion(tx, locked.id, { isSameValue: true });
    const digest = await sealVersion(tx, app, { credential, ...read, by });
    const from = (await findVersion(tx, locked.id, locked.version))?.origin;
    const to = (await findVersion(tx, locked.id, credential.version))?.origin;
    await tell(tx, app, credential, by, "rebound", { from, to, digest });
    return credential;
  });
}

/** Changes what is told about it; the value stays. */
export async function changeCredential(
  app: CredentialApp,
  name: string,
  change: Parameters<typeof updateCredential>[2],
  by: By,
  guard: Guard = {},
): Promise<Credential> {
  return transaction(app.db, async (tx) => {
    const locked = await requireLocked(tx, name, guard);
    const credential = await updateCredential(tx, locked.id, change);
    await tell(tx, app, credential, by, "changed", { change });
    return credential;
  });
}

/** Removes it with every version: nothing of it opens again. */
export async function removeCredential(app: CredentialApp, name: string, by: By, guard: Guard = {}): Promise<void> {
  await transaction(app.db, async (tx) => {
    const locked = await requireChangeable(tx, name, guard);
    await deleteCredential(tx, locked.id);
    await tell(tx, app, locked, by, "removed", {});
  });
}

/** The credential of that name; `not_found` otherwise. */
export async function requireCredential(app: Pick<App, "db">, name: string): Promise<Credential> {
  const credential = await findCredential(app.db, name);
  if (credential === undefined) throw hasNoCredential(name);
  return credential;
}

/** A value that opens no more keeps nothing: then every field must be given. */
async function openKept(tx: Db, app: CredentialApp, locked: Credential): Promise<GivenFields> {
  if (locked.version === 0) return {};
  try {
    return await openVersion(tx, app, locked, locked.version);
  } catch (error) {
    if (error instanceof AppError && error.code === "sealed") return {};
    throw error;
  }
}

async function readVersion(
  tx: Db,
  app: CredentialApp,
  locked: Credential,
  version: number,
): Promise<{ provider: Provider; secrets: GivenFields; settings: Record<string, string> }> {
  const { provider } = await requireProvider({ ...app, db: tx }, locked.provider);
  const { secrets, settings } = readFields(provider, await openVersion(tx, app, locked, version));
  return { provider, secrets, settings };
}

/** Whoever may change a setting but not see the secret must not have it sent to a host of his own. */
async function refuseElsewhere(
  tx: Db,
  app: CredentialApp,
  locked: Credential,
  next: { provider: Provider; secrets: GivenFields; settings: Record<string, string>; given: GivenFields },
): Promise<void> {
  const { provider, secrets, settings, given } = next;
  const kept = Object.keys(secrets).filter((field) => !Object.hasOwn(given, field));
  if (kept.length === 0) return;
  const before = await findVersion(tx, locked.id, locked.version);
  const plain = Object.entries(settings).map(([field, value]) => [field, new Secret(value)] as const);
  const origin = originOfFields(app, provider, { ...Object.fromEntries(plain), ...secrets });
  if (before === undefined || before.origin === origin) return;
  const fault = `would send what it keeps in ${kept.join(", ")} to ${origin || "nobody"} and no more to ${before.origin || "nobody"}`;
  throw new AppError("conflict", `credential ${locked.credentialName} ${fault}`, {
    hint: `Give ${kept.join(", ")} again with it.`,
  });
}

/** A rotation at the provider has the next version already, and keys there that only it knows: it ends first. */
async function requireChangeable(tx: Db, name: string, guard: Guard): Promise<Credential> {
  const locked = await requireLocked(tx, name, guard);
  if ((await findUnfinishedRotation(tx, locked.id)) === undefined) return locked;
  throw new AppError("conflict", `credential ${name} is being rotated at its provider`, {
    hint: `Carry that on with: leveredge credentials rotate ${name} --by-provider, or end it with --give-up.`,
  });
}

async function requireLocked(tx: Db, name: string, { ifRevision }: Guard): Promise<Credential> {
  const credential = await lockCredential(tx, name);
  if (credential === undefined) throw hasNoCredential(name);
  if (ifRevision !== undefined && credential.revision !== ifRevision) {
    throw new AppError("precondition_failed", `credential ${name} was changed meanwhile`, {
      hint: "Read it again and repeat the change.",
    });
  }
  return credential;
}

async function tell(
  tx: Db,
  app: CredentialApp,
  credential: Credential,
  by: By,
  outcome: string,
  details: Record<string, unknown>,
): Promise<void> {
  await deleteVersionsBefore(tx, credential.id, credential.version - keptVersions + 1);
  const { provider, version, revision } = credential;
  await appendEvent(tx, app.keys, {
    actor: by.name,
    action: "credentials.credential",
    target: `credential ${credential.credentialName}`,
    environment: credential.environment,
    outcome,
    details: { provider, version, revision, ...details },
  });
}
