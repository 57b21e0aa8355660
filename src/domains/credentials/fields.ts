/** The fields of a credential as somebody gives them, held against its provider's definition. Errors never hold a value. */
import { AppError } from "#errors.ts";
import type { Provider } from "#providers/provider.ts";
import { Secret } from "#secrets/secret.ts";

import type { GivenFields } from "./schema.ts";

/** Something odd that is kept all the same: providers change the shape of their keys. */
export type FieldWarning = { field: string; warning: string };

export type ReadFields = {
  /** Fields to be sealed. */
  secrets: GivenFields;
  /** Fields that are no secret. */
  settings: Record<string, string>;
  warnings: FieldWarning[];
};

const longest = 64 * 1024;
// Of documents: a service account's JSON, a private key.
const document = /^(?:\{|-----BEGIN )/;

/** Parted by the definition. `invalid_input` names the field that is unknown, missing, empty or of two lines. */
export function readFields(provider: Provider, given: GivenFields): ReadFields {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(provider.fields, name));
  if (unknown.length > 0) throw refuse(provider, `has no field ${unknown.map(describeUnknown).join(", ")}`);
  const read: ReadFields = { secrets: {}, settings: {}, warnings: [] };
  for (const [name, field] of Object.entries(provider.fields)) {
    const value = readValue(provider, name, Object.hasOwn(given, name) ? given[name] : undefined);
    if (value === undefined) {
      if (field.required && field.default === undefined) throw refuse(provider, `needs the field ${name}`);
      continue;
    }
    for (const warning of listWarnings(given[name], value, field)) read.warnings.push({ field: name, warning });
    if (field.type === "secret") read.secrets[name] = new Secret(value);
    else read.settings[name] = value;
  }
  return read;
}

/** White space around it is no part of it: it comes with the clipboard. */
function readValue(provider: Provider, name: string, given: Secret | undefined): string | undefined {
  const value = given?.reveal().trim() ?? "";
  if (value === "") {
    if (given === undefined) return undefined;
    throw refuse(provider, `needs a value in the field ${name}, which is empty`);
  }
  if (Buffer.byteLength(value) > longest) throw refuse(provider, `takes at most 64 KiB in the field ${name}`);
  if (!value.isWellFormed() || value.includes("\0")) throw refuse(provider, `takes text in the field ${name}`);
  if (/\p{Cc}/u.test(value) && !document.test(value)) {
    throw refuse(
      provider,
      `takes one line in the field ${name}, and the value has a line break or another control character`,
    );
  }
  return value;
}

function listWarnings(given: Secret | undefined, value: string, field: Provider["fields"][string]): string[] {
  const warnings: string[] = [];
  if (given !== undefined && given.reveal().replace(/\n$/, "") !== value)
    warnings.push("white space around it was removed");
  if (field.type === "secret" && / /.test(value) && !document.test(value)) warnings.push("it has spaces in it");
  if (field.shape !== undefined && !new RegExp(field.shape).test(value)) {
    warnings.push("it does not look like a key of this provider; it is kept as it is");
  }
  return warnings;
}

/** Words and short numbers, as people make names of. */
const nameOfWords = /^([a-z]{1,20}(\d{1,4}[a-z]?)?|\d{1,4})([._-]([a-z]{1,20}(\d{1,4}[a-z]?)?|\d{1,4}))*$/i;

/** A name that nothing has may be a value in the wrong place: it is repeated only when it looks like a name. */
export function describeUnknown(name: string): string {
  return name.length <= 40 && nameOfWords.test(name) ? name : "of that name";
}

function refuse({ name, fields }: Provider, fault: string): AppError {
  const all = Object.entries(fields).map(([field, { required }]) => (required ? field : `[${field}]`));
  return new AppError("invalid_input", `provider ${name} ${fault}`, { hint: `Its fields are: ${all.join(", ")}.` });
}
