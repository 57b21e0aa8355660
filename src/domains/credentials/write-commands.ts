/** `leveredge credentials add`, `rotate`, `rollback`, `rebind` and `remove`. */
import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { confirm } from "#cli/prompt.ts";
import { AppError, outcomeExit } from "#errors.ts";

import {
  countOf,
  instantOf,
  noteOf,
  readGivenFields,
  requester,
  rotationDaysOf,
  sayWarnings,
  textOf,
} from "./command-input.ts";
import { addCredential, rebind, removeCredential, replaceValue, requireCredential, rollBack } from "./credentials.ts";
import { findCredential, findVersion } from "./queries.ts";
import { requireProvider } from "./registry.ts";
import { CredentialName, type Environment } from "./schema.ts";
import { hasNoValue, openVersion, originOfFields } from "./vault.ts";

const mostVersions = 999_999_999;

export async function runAdd(context: CommandContext): Promise<number> {
  const name = readName(context);
  const providerName = textOf(context, "provider");
  if (providerName === undefined) {
    throw new AppError("invalid_input", "--provider is missing", { hint: "List them with: leveredge providers list" });
  }
  const expiresAt = instantOf(context, "expires");
  const days = rotationDaysOf(context);
  const note = noteOf(context);
  const app = await context.openApp();
  const { provider } = await requireProvider(app, providerName);
  // Nobody types a secret for a name that is taken.
  if ((await findCredential(app.db, name)) !== undefined) throw isTaken(name);
  const required = Object.entries(provider.fields).filter(([, field]) => field.required && field.default === undefined);
  const fields = await readGivenFields(
    context,
    provider,
    required.map(([field]) => field),
  );
  const { credential, warnings } = await addCredential(
    app,
    {
      name,
      provider: provider.name,
      // The option has these choices alone.
      environment: (textOf(context, "environment") ?? "prod") as Environment,
      fields,
      rotation_reminder_days: days ?? 90,
      ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
      ...(note === undefined ? {} : { note }),
    },
    requester(),
  );
  sayWarnings(context, warnings);
  context.output.data(
    { credential, warnings },
    `${name} is sealed (${credential.provider}, ${credential.environment})`,
  );
  context.output.say(`Next: leveredge credentials check ${name}`);
  return outcomeExit.ok;
}

export async function runRotate(context: CommandContext): Promise<number> {
  const name = readName(context);
  const expiresAt = instantOf(context, "expires");
  const app = await context.openApp();
  const before = await requireCredential(app, name);
  const { provider } = await requireProvider(app, before.provider);
  const isFirst = before.version === 0;
  const wanted = Object.entries(provider.fields).filter(
    ([, { type, required, default: usual }]) => required && usual === undefined && (isFirst || type === "secret"),
  );
  const isGiven = [...(context.lists?.["field"] ?? []), ...(context.lists?.["fromFile"] ?? [])].length > 0;
  const needed = isGiven && !isFirst ? [] : wanted.map(([field]) => field);
  const fields = await readGivenFields(context, provider, needed);
  const options = { ifRevision: before.revision, expiresAt };
  const { credential, warnings } = await replaceValue(app, name, fields, requester(), options);
  sayWarnings(context, warnings);
  context.output.data({ credential, warnings }, `${name} has a new value, version ${credential.version}`);
  if (before.expirySource === "declared" && expiresAt === undefined) {
    context.output.say(
      `What was declared (${before.expiresAt?.slice(0, 10)}) was the old value's: give the new one's with --expires.`,
    );
  }
  context.output.say(`Next: leveredge credentials check ${name}; back with: leveredge credentials rollback ${name}`);
  return outcomeExit.ok;
}

export async function runRollBack(context: CommandContext): Promise<number> {
  const name = readName(context);
  const to = countOf(context, "to", mostVersions);
  const app = await context.openApp();
  const credential = await rollBack(app, name, requester(), { to });
  context.output.data({ credential }, `${name} has its earlier value again, as version ${credential.version}`);
  context.output.say(`Next: leveredge credentials check ${name}`);
  return outcomeExit.ok;
}

export async function runRebind(context: CommandContext): Promise<number> {
  const name = readName(context);
  const app = await context.openApp();
  const before = await requireCredential(app, name);
  const { from, to } = await describeOrigins(app, name);
  if (from === to && before.quarantinedAt === null) {
    context.output.data({ credential: before, from, to }, `${name} is bound to ${to || "no origin"} already`);
    return outcomeExit.ok;
  }
  if (context.options["yes"] !== true) {
    context.output.say(`${name} was sealed for ${from || "no origin"}; from now on it may be sent to ${to || "none"}.`);
    if (!(await confirm("Is that what you want?", context))) return refused(context, "look at both and add --yes");
  }
  const credential = await rebind(app, name, requester(), { ifRevision: before.revision });
  context.output.data(
    { credential, from, to },
    `${name} is bound to ${to || "no origin"}, version ${credential.version}`,
  );
  return outcomeExit.ok;
}

export async function runRemove(context: CommandContext): Promise<number> {
  const name = readName(context);
  const app = await context.openApp();
  const { version, provider, environment, revision } = await requireCredential(app, name);
  if (context.options["yes"] !== true) {
    context.output.say(
      `${name} (${provider}, ${environment}) goes with all of its versions, up to ${version}. It lives on at the provider.`,
    );
    if (!(await confirm(`Remove ${name} for ever?`, context))) return refused(context, "add --yes");
  }
  await removeCredential(app, name, requester(), { ifRevision: revision });
  context.output.data({ name, removed: true }, `${name} is removed`);
  return outcomeExit.ok;
}

async function describeOrigins(app: App, name: string): Promise<{ from: string; to: string }> {
  const credential = await requireCredential(app, name);
  if (credential.version === 0) throw hasNoValue(name);
  const { provider } = await requireProvider(app, credential.provider);
  const from = (await findVersion(app.db, credential.id, credential.version))?.origin ?? "";
  const to = originOfFields(app, provider, await openVersion(app.db, app, credential, credential.version));
  return { from, to };
}

function refused(context: CommandContext, how: string): number {
  context.output.say(`refused: nothing was changed; ${how}`);
  return outcomeExit.refused;
}

function readName(context: CommandContext): string {
  const read = CredentialName.safeParse(context.arguments[0]);
  if (read.success) return read.data;
  throw new AppError("invalid_input", "that is no name for a credential", {
    hint: "Use letters, digits, . _ and -, at most 100, the first no sign.",
  });
}

function isTaken(name: string): AppError {
  return new AppError("conflict", `there is a credential ${name} already`, {
    hint: `Give it a new value with: leveredge credentials rotate ${name}`,
  });
}
