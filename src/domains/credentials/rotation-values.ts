/** The values that a rotation has in hand: the old one, the new one, and the key that makes keys. */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { type CheckAnswer, type CheckTools, checkFields } from "#providers/ask.ts";
import type { Provider } from "#providers/provider.ts";

import { findCredential, findVersion } from "./queries.ts";
import type { Rotation } from "./rotation-queries.ts";
import type { RotationInput, Rotator, RotatorTools } from "./rotators/rotator.ts";
import type { Credential, GivenFields } from "./schema.ts";
import { hasNoCredential, openForUse, openVersion, originOfFields } from "./vault.ts";

export type RotationApp = Pick<App, "config" | "db" | "keys">;

export type RotationWork = { requestedBy: string; signal: AbortSignal; progress: (text: string) => void };

/** What is rotated, and for whom. */
export type RotationSubject = {
  app: RotationApp;
  work: Pick<RotationWork, "requestedBy">;
  credential: Credential;
  provider: Provider;
  rotator: Rotator;
};

/** What the phases of one rotation have in common: `db` of its app is the session that holds the rotation's lock. */
export type RotationContext = RotationSubject & {
  /** The store by other sessions: for what must be kept when that one breaks. */
  store: App["db"];
  tools: CheckTools;
  work: RotationWork;
};

export function toolsOf({ tools, work }: RotationContext): RotatorTools {
  return { outbound: tools.outbound, signal: work.signal, now: tools.now };
}

/** The old value, and who may make keys: the credential that was named, or the key itself. */
export async function openInput(context: RotationSubject, rotation: Rotation): Promise<RotationInput> {
  const fields = await openBound(context, rotation.oldVersion);
  const { app, provider, rotator, work } = context;
  const manager =
    rotation.manager === null
      ? fields
      : await openManager(app, { name: rotation.manager, provider, rotator, rotated: fields }, work);
  return { fields, manager, mark: `leveredge:${rotation.id}` };
}

export async function openNew(context: RotationContext, rotation: Rotation): Promise<GivenFields> {
  return openBound(context, rotation.oldVersion + 1);
}

/** For the old key's end: a key that manages itself is revoked by its successor. */
export async function openRevokeInput(context: RotationContext, rotation: Rotation): Promise<RotationInput> {
  const input = await openInput(context, rotation);
  return rotation.manager === null ? { ...input, manager: await openNew(context, rotation) } : input;
}

export function ask({ tools, provider, work }: RotationContext, fields: GivenFields): Promise<CheckAnswer> {
  return checkFields(tools, provider, fields, { signal: work.signal });
}

/** Sent only where it was sealed for, also when the configuration changed during the rotation. */
async function openBound({ app, credential, provider }: RotationSubject, version: number): Promise<GivenFields> {
  const { credentialName: name } = credential;
  const stored = await findVersion(app.db, credential.id, version);
  if (stored === undefined) {
    throw new AppError("conflict", `credential ${name} has no version ${version}, which its rotation needs`);
  }
  const fields = await openVersion(app.db, app, credential, version);
  const origin = originOfFields(app, provider, fields);
  if (stored.origin === origin) return fields;
  throw new AppError(
    "conflict",
    `version ${version} of ${name} was sealed for ${stored.origin || "no origin"}, and would go to ${origin || "none"} now`,
    { hint: "Put the configuration back until the rotation is done." },
  );
}

/** One of the same provider and place, because its value is sent there; and never the key that is to end. */
export async function openManager(
  app: RotationApp,
  wanted: { name: string; provider: Provider; rotator: Rotator; rotated: GivenFields },
  { requestedBy }: Pick<RotationWork, "requestedBy">,
): Promise<GivenFields> {
  const { name, provider, rotator, rotated } = wanted;
  const hint = "Name with --with a credential that may make and revoke keys there, or leave it out.";
  if (rotator.kind === "in_place") {
    throw new AppError("invalid_input", `keys of ${provider.name} rotate themselves and need no other credential`, {
      hint,
    });
  }
  const found = await findCredential(app.db, name);
  if (found === undefined) throw hasNoCredential(name);
  if (found.provider !== provider.name) {
    throw new AppError("invalid_input", `credential ${name} is of ${found.provider} and not of ${provider.name}`, {
      hint,
    });
  }
  const { fields } = await openForUse(app, found, { name: requestedBy });
  if (originOfFields(app, provider, fields) !== originOfFields(app, provider, rotated)) {
    throw new AppError("invalid_input", `credential ${name} is for another place than the key that is rotated`, {
      hint,
    });
  }
  if (hasSameSecret(provider, fields, rotated)) {
    throw new AppError("conflict", `credential ${name} is the very key that is rotated`, { hint });
  }
  return fields;
}

/** Whether any secret of the two is the same. */
export function hasSameSecret(provider: Provider, one: GivenFields, other: GivenFields): boolean {
  return Object.entries(provider.fields).some(([name, { type }]) => {
    const value = type === "secret" ? one[name]?.reveal() : undefined;
    return value !== undefined && value === other[name]?.reveal();
  });
}
