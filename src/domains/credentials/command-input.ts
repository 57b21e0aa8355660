/** What the `credentials` commands have in common: who asks, and how a value reaches them - never by the command line. */
import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";

import type { CommandContext } from "#cli/command.ts";
import { askHidden, askLine, canAsk } from "#cli/prompt.ts";
import { findLooseMode, openReference } from "#config/references.ts";
import { AppError } from "#errors.ts";
import type { Provider } from "#providers/provider.ts";
import { Secret } from "#secrets/secret.ts";
import { readUtf8 } from "#secrets/utf8.ts";
import { currentUser } from "#system/user.ts";

import { describeUnknown, type FieldWarning } from "./fields.ts";
import { type GivenFields, NewCredential } from "./schema.ts";

const mostRotationDays = 3650;

/** For events. */
export function requester(): { name: string } {
  return { name: `cli:${currentUser()}` };
}

export function textOf(context: CommandContext, option: string): string | undefined {
  const value = context.options[option];
  return typeof value === "string" ? value : undefined;
}

/** A whole number of an option, from 1 to `most`; undefined when it is not given. */
export function countOf(context: CommandContext, option: string, most: number): number | undefined {
  const value = textOf(context, option);
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(value) && Number(value) <= most) return Number(value);
  const words = option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new AppError(
    "invalid_input",
    `--${words} is ${JSON.stringify(value)}, expected a whole number from 1 to ${most}`,
  );
}

/** Of `--rotation-days`. */
export function rotationDaysOf(context: CommandContext): number | undefined {
  return countOf(context, "rotationDays", mostRotationDays);
}

/** Of `--note`: what may stand in a list. */
export function noteOf(context: CommandContext): string | undefined {
  const note = textOf(context, "note");
  if (NewCredential.shape.note.safeParse(note).success) return note;
  throw new AppError("invalid_input", "--note is no line of at most 1,000 characters");
}

/** A day or an instant, as ISO text; undefined when it is not given. */
export function instantOf(context: CommandContext, option: string): string | undefined {
  const value = textOf(context, option);
  if (value === undefined) return undefined;
  const isDay = /^\d{4}-\d\d-\d\d$/.test(value);
  const at = isDay || /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(value) ? new Date(value) : undefined;
  // 2027-02-30 is no day: the clock would take it for another.
  if (at !== undefined && !Number.isNaN(at.getTime()) && (!isDay || at.toISOString().startsWith(value))) {
    return at.toISOString();
  }
  throw new AppError("invalid_input", `--${option} is no date`, { hint: "Write it as 2027-01-31." });
}

export function sayWarnings(context: CommandContext, warnings: readonly FieldWarning[]): void {
  for (const { field, warning } of warnings) context.output.say(`warning: ${field}: ${warning}`);
}

/**
 * The fields of a value: settings from `--field`, secrets from files, from stdin or from a
 * prompt that shows nothing. What is still missing of `needed` is asked for, or read from
 * stdin as one JSON object or as the one missing value.
 */
export async function readGivenFields(
  context: CommandContext,
  provider: Provider,
  needed: readonly string[],
): Promise<GivenFields> {
  const given: GivenFields = {};
  const give = (name: string, value: Secret): void => {
    if (Object.hasOwn(given, name)) throw new AppError("invalid_input", `field ${name} is given twice`);
    given[name] = value;
  };
  for (const [name, value] of readSettings(context, provider)) give(name, value);
  for (const [name, value] of await readFiles(context, provider)) give(name, value);
  const stdinField = textOf(context, "stdin");
  if (stdinField !== undefined) {
    requireFieldName(provider, stdinField);
    give(stdinField, new Secret(await readStdin(stdinField)));
  }
  const missing = needed.filter((name) => !Object.hasOwn(given, name));
  if (missing.length === 0) return given;
  if (canAsk()) return { ...given, ...(await ask(context, provider, missing)) };
  if (stdinField !== undefined) return given;
  return { ...given, ...readPiped(await readStdin(missing.join(", ")), provider, missing) };
}

/** `--field` for what is no secret: whatever stands on a command line is seen by every user of the host. */
function readSettings(context: CommandContext, provider: Provider): [string, Secret][] {
  const settings: [string, Secret][] = [];
  for (const pair of context.lists?.["field"] ?? []) {
    const [name, value] = splitPair(pair, "--field", "NAME=VALUE");
    const field = requireFieldName(provider, name);
    if (field.type === "secret") {
      throw new AppError(
        "invalid_input",
        `field ${name} is a secret, and on a command line every user of this host sees it`,
        {
          hint: `Leave it out and be asked for it, or give it with: --from-file ${name}=PATH or --stdin ${name}. The one on your command line is in your shell's history: replace it.`,
        },
      );
    }
    settings.push([name, new Secret(value)]);
  }
  return settings;
}

async function readFiles(context: CommandContext, provider: Provider): Promise<[string, Secret][]> {
  const fields: [string, Secret][] = [];
  for (const pair of context.lists?.["fromFile"] ?? []) {
    const [name, path] = splitPair(pair, "--from-file", "FIELD=PATH");
    requireFieldName(provider, name);
    const reference = `file:${resolve(path)}`;
    const loose = await findLooseMode(reference, resolve("leveredge.yaml"));
    if (loose !== undefined) context.output.say(`warning: ${loose}`);
    fields.push([name, await openReference(reference, resolve("leveredge.yaml"))]);
  }
  return fields;
}

async function readStdin(field: string): Promise<string> {
  return readUtf8(await buffer(process.stdin), `what came over stdin for ${field}`);
}

async function ask(context: CommandContext, provider: Provider, missing: readonly string[]): Promise<GivenFields> {
  const fields: GivenFields = {};
  for (const name of missing) {
    const isSecret = provider.fields[name]?.type === "secret";
    const question = isSecret ? `${provider.title} ${name} (not shown): ` : `${provider.title} ${name}: `;
    fields[name] = new Secret(await (isSecret ? askHidden : askLine)(question, context));
  }
  return fields;
}

/** One JSON object of fields, or the only value that is missing. A document in JSON is a value and no such object. */
function readPiped(piped: string, provider: Provider, missing: readonly string[]): GivenFields {
  const object = parseObject(piped);
  if (object !== undefined && Object.keys(object).every((name) => Object.hasOwn(provider.fields, name))) {
    return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, new Secret(value)]));
  }
  const secrets = missing.filter((name) => provider.fields[name]?.type === "secret");
  const [only = missing[0], ...more] = secrets;
  if (piped.trim() !== "" && only !== undefined && more.length === 0) return { [only]: new Secret(piped) };
  throw new AppError(
    "invalid_input",
    piped.trim() === ""
      ? `nobody is here to ask for ${missing.join(", ")}, and nothing came over stdin`
      : `${secrets.join(", ")} are needed, and what came over stdin is no JSON object of them`,
    { hint: `Pipe a JSON object in: {${missing.map((name) => `"${name}": "…"`).join(", ")}}` },
  );
}

function parseObject(piped: string): Record<string, string> | undefined {
  try {
    const parsed: unknown = JSON.parse(piped);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    const entries = Object.entries(parsed);
    return entries.every(([, value]) => typeof value === "string") ? Object.fromEntries(entries) : undefined;
  } catch {
    // It is a value and no JSON: that is the answer.
    return undefined;
  }
}

function requireFieldName(provider: Provider, name: string): Provider["fields"][string] {
  const field = Object.hasOwn(provider.fields, name) ? provider.fields[name] : undefined;
  if (field !== undefined) return field;
  throw new AppError("invalid_input", `provider ${provider.name} has no field ${describeUnknown(name)}`, {
    hint: `Its fields are: ${Object.keys(provider.fields).join(", ")}.`,
  });
}

function splitPair(pair: string, option: string, form: string): [string, string] {
  const at = pair.indexOf("=");
  if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
  throw new AppError("invalid_input", `${option} wants ${form}`);
}
