/** What the `credentials` commands have in common: who asks, and how a value reaches them - never by the command line. */
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

import type { CommandContext } from "#cli/command.ts";
import { askHidden, askLine, canAsk } from "#cli/prompt.ts";
import { openReference } from "#config/references.ts";
import { AppError } from "#errors.ts";
import type { Provider } from "#providers/provider.ts";
import { Secret } from "#secrets/secret.ts";
import { currentUser } from "#system/user.ts";

import { describeUnknown, type FieldWarning } from "./fields.ts";
import type { GivenFields } from "./schema.ts";

/** For events. */
export function requester(): { name: string } {
  return { name: `cli:${currentUser()}` };
}

export function textOf(context: CommandContext, option: string): string | undefined {
  const value = context.options[option];
  return typeof value === "string" ? value : undefined;
}

/** A whole number of an option; undefined when it is not given. */
export function countOf(context: CommandContext, option: string): number | undefined {
  const value = textOf(context, option);
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new AppError("invalid_input", `--${option} is ${JSON.stringify(value)}, expected a whole number`);
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
  const given: GivenFields = { ...readSettings(context, provider), ...(await readFiles(context, provider)) };
  const stdinField = textOf(context, "stdin");
  if (stdinField !== undefined) {
    requireFieldName(provider, stdinField);
    given[stdinField] = new Secret(await text(process.stdin));
  }
  const missing = needed.filter((name) => !Object.hasOwn(given, name));
  if (missing.length === 0) return given;
  if (canAsk()) return { ...given, ...(await ask(context, provider, missing)) };
  if (stdinField !== undefined) return given;
  return { ...given, ...readPiped(await text(process.stdin), provider, missing) };
}

/** `--field` for what is no secret: whatever stands on a command line is seen by every user of the host. */
function readSettings(context: CommandContext, provider: Provider): GivenFields {
  const settings: GivenFields = {};
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
    settings[name] = new Secret(value);
  }
  return settings;
}

async function readFiles(context: CommandContext, provider: Provider): Promise<GivenFields> {
  const fields: GivenFields = {};
  for (const pair of context.lists?.["fromFile"] ?? []) {
    const [name, path] = splitPair(pair, "--from-file", "FIELD=PATH");
    requireFieldName(provider, name);
    fields[name] = await openReference(`file:${resolve(path)}`, resolve("leveredge.yaml"));
  }
  return fields;
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
