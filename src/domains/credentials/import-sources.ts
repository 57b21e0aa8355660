/** What an imported file holds, as credentials: `.env`, n8n's decrypted export, a bundle of ours. Pure; nothing is guessed. */
import { z } from "zod";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

import { readEnvLines } from "./env-file.ts";
import { knownN8nTypes, knownVariables } from "./known-variables.ts";
import { CredentialName, Environment, type GivenFields, type NewCredential } from "./schema.ts";

/** `from` is what the file calls it: a variable, a credential of n8n. */
export type Found = {
  name: string;
  provider: string;
  environment: Environment;
  fields: GivenFields;
  from: string[];
} & Pick<NewCredential, "expires_at" | "rotation_reminder_days" | "note">;

export type ReadImport = {
  found: Found[];
  /** What stays in the file, and why; never a value. */
  left: { from: string; why: string }[];
};

/** By its form: a list in JSON is n8n's, everything else is read as `.env`. */
export function readImport(text: string, environment: Environment): ReadImport {
  return /^\s*\[/.test(text) ? readN8nExport(text, environment) : readEnvFile(text, environment);
}

type Variable = { from: string; value: string; provider: string; field: string };

/** The variables of one provider are one credential. Two that differ about one field are both left: which is right nobody knows. */
export function readEnvFile(text: string, environment: Environment): ReadImport {
  const left: ReadImport["left"] = [];
  const variables: Variable[] = [];
  const file = readEnvLines(text);
  for (const { line, why } of file.faults) left.push({ from: `line ${line}`, why });
  for (const { name: from, value } of file.variables) {
    const known = Object.hasOwn(knownVariables, from) ? knownVariables[from] : undefined;
    if (known === undefined) left.push({ from, why: "nothing is known by this name" });
    else if (value.trim() === "") left.push({ from, why: "it is empty" });
    else variables.push({ from, value, ...known });
  }
  const unclear = variables.filter((one) => variables.some((other) => isContradiction(one, other)));
  for (const { from, field } of unclear) left.push({ from, why: `another variable gives another ${field}` });
  const clear = variables.filter((variable) => !unclear.includes(variable));
  const found = [...Map.groupBy(clear, ({ provider }) => provider)].map(([provider, group]): Found => {
    const fields = Object.fromEntries(group.map(({ field, value }) => [field, new Secret(value)]));
    const name = `${provider.replaceAll("_", "-")}-${environment}`;
    return { name, provider, environment, fields, from: group.map(({ from }) => from), rotation_reminder_days: 90 };
  });
  return { found, left };
}

function isContradiction(one: Variable, other: Variable): boolean {
  return one.provider === other.provider && one.field === other.field && one.value !== other.value;
}

const N8nCredential = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  name: z.string(),
  type: z.string(),
  data: z.union([z.string(), z.record(z.string(), z.unknown())]),
});
type N8nCredential = z.output<typeof N8nCredential>;

/** Of `n8n export:credentials --all --decrypted`. One that cannot be read stays, and takes no other with it. */
export function readN8nExport(text: string, environment: Environment): ReadImport {
  const read: ReadImport = { found: [], left: [] };
  const entries = parseN8n(text);
  const isSealed = (entry: unknown): boolean => typeof N8nCredential.safeParse(entry).data?.data === "string";
  if (entries.length > 0 && entries.every(isSealed)) {
    throw new AppError("invalid_input", "this export of n8n is not decrypted", {
      hint: "Make it with: n8n export:credentials --all --decrypted --output=FILE",
    });
  }
  for (const [index, entry] of entries.entries()) {
    const { success, data } = N8nCredential.safeParse(entry);
    const taken = success ? takeN8n(data, environment, read.found) : "it is no credential of n8n";
    if (typeof taken === "string") {
      read.left.push({ from: success ? `${data.type} ${data.name}` : `entry ${index + 1}`, why: taken });
    } else read.found.push(taken);
  }
  return read;
}

/** The credential, or why it stays. */
function takeN8n({ id, name, type, data }: N8nCredential, environment: Environment, found: Found[]): Found | string {
  if (typeof data === "string") return "it is not decrypted: n8n export:credentials --all --decrypted --output=FILE";
  const known = Object.hasOwn(knownN8nTypes, type) ? knownN8nTypes[type] : undefined;
  if (known === undefined) return "there is no provider for this type of n8n's";
  const odd = Object.entries(known.usual ?? {}).find(([key, usual]) => {
    const value = data[key];
    return typeof value === "string" && value !== "" && !usual.test(value);
  });
  if (odd !== undefined) return `its ${odd[0]} leads to a host that is not the provider's`;
  const unclear = Object.keys(known.fields).find((key) => !["string", "undefined"].includes(typeof data[key]));
  if (unclear !== undefined) return `its ${unclear} is no text`;
  const given = Object.entries(known.fields).flatMap(([key, field]) => {
    const value = data[key];
    return typeof value === "string" && value !== "" ? [[field, new Secret(value)] as const] : [];
  });
  return {
    name: chooseName(name, String(id ?? ""), found),
    provider: known.provider,
    environment,
    fields: Object.fromEntries(given),
    from: [`${type} ${name}`],
    rotation_reminder_days: 90,
  };
}

function parseN8n(text: string): unknown[] {
  try {
    return z.array(z.unknown()).parse(JSON.parse(text));
  } catch {
    // Both JSON.parse and Zod may quote what they read.
    throw new AppError("invalid_input", "this is neither an export of n8n's credentials nor a .env file", {
      hint: "Make one with: n8n export:credentials --all --decrypted --output=FILE",
    });
  }
}

/** n8n's names are free text and may come twice. */
function chooseName(text: string, id: string, taken: readonly Found[]): string {
  const plain = text
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[^a-z0-9]+|-+$/g, "");
  const name = plain === "" ? "n8n" : plain.slice(0, 80);
  const isFree = (candidate: string): boolean => !taken.some((found) => found.name === candidate);
  if (isFree(name)) return name;
  const withId = `${name}-${id.replaceAll(/[^A-Za-z0-9]/g, "").slice(0, 16)}`;
  return isFree(withId) ? withId : `${withId}-${taken.length}`;
}

/** A line of a bundle: a credential as it is exported, and read back. */
export const BundleLine = z.strictObject({
  leveredge: z.literal("credential/v1"),
  name: CredentialName,
  provider: z.string(),
  environment: Environment,
  fields: z.record(z.string(), z.string()),
  expires_at: z.iso.datetime({ offset: true }).nullable(),
  rotation_reminder_days: z.int().min(1).max(3650),
  note: z.string().nullable(),
});
export type BundleLine = z.output<typeof BundleLine>;

/** What `export` wrote, decrypted. */
export function readBundle(text: string): ReadImport {
  const lines = text.split("\n").filter((line) => line !== "");
  const found = lines.map((line, index): Found => {
    const { leveredge: _form, fields, expires_at, note, ...rest } = parseLine(line, index);
    const secrets = Object.entries(fields).map(([field, value]) => [field, new Secret(value)] as const);
    return {
      ...rest,
      fields: Object.fromEntries(secrets),
      from: [rest.name],
      ...(expires_at === null ? {} : { expires_at }),
      ...(note === null ? {} : { note }),
    };
  });
  return { found, left: [] };
}

function parseLine(line: string, index: number): BundleLine {
  const parsed = BundleLine.safeParse(parseJson(line));
  if (parsed.success) return parsed.data;
  throw new AppError("invalid_input", `line ${index + 1} of the bundle is no credential of this form`, {
    hint: "Read it with the version of leveredge that wrote it.",
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // What is no JSON is no credential either.
    return undefined;
  }
}
