/** `leveredge credentials import`: what a file holds becomes credentials, all that are taken in one transaction. */
import { open } from "node:fs/promises";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { createPaint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import { AppError, outcomeExit, readErrorCode } from "#errors.ts";
import { readUtf8 } from "#secrets/utf8.ts";
import { transaction } from "#store/database.ts";

import { openBundle, isBundle } from "./bundle.ts";
import { requester, textOf } from "./command-input.ts";
import { insertSealed } from "./credentials.ts";
import { type FieldWarning, readFields, type ReadFields } from "./fields.ts";
import { type Found, readBundle, readImport, type ReadImport } from "./import-sources.ts";
import { findCredential } from "./queries.ts";
import { type KnownProvider, requireProvider } from "./registry.ts";
import type { Environment, NewCredential } from "./schema.ts";

type Taken = { input: NewCredential; known: KnownProvider; read: ReadFields; from: string[] };
type Imported = {
  sealed: { name: string; provider: string; from: string[]; warnings: FieldWarning[] }[];
  /** There already: left as they are. */
  kept: { name: string; from: string[] }[];
  left: ReadImport["left"];
};

const largestBytes = 16 * 1024 * 1024;

export async function runImport(context: CommandContext): Promise<number> {
  const [path = ""] = context.arguments;
  const isDry = context.options["dryRun"] === true;
  const { content, isOpen } = await readFile(path);
  const identity = textOf(context, "identity");
  const isPlain = !isBundle(content);
  if (isPlain && isOpen) context.output.say(`warning: other users can read ${path}: chmod 0600 ${path}`);
  // The option has these choices alone.
  const environment = (textOf(context, "environment") ?? "prod") as Environment;
  const read = isPlain
    ? readImport(readUtf8(content, path), environment)
    : readBundle(await openBundle(content, identity, path));
  const app = await context.openApp();
  const imported = await takeAll(app, read, isDry);
  context.output.data({ dryRun: isDry, ...imported }, formatImported(imported, context, isDry));
  for (const { name, warnings } of imported.sealed) {
    for (const { field, warning } of warnings) context.output.say(`warning: ${name}/${field}: ${warning}`);
  }
  if (isPlain && !isDry && imported.sealed.length > 0) {
    context.output.say(`${path} still holds them in clear: take them out, or remove it with: shred -u ${path}`);
  }
  return outcomeExit.ok;
}

/** Everything is looked at first; what can be taken is written together or not at all. */
async function takeAll(app: App, { found, left }: ReadImport, isDry: boolean): Promise<Imported> {
  const imported: Imported = { sealed: [], kept: [], left: [...left] };
  const taken: Taken[] = [];
  for (const candidate of found) {
    const { name, from } = candidate;
    if ((await findCredential(app.db, name)) !== undefined) imported.kept.push({ name, from });
    else {
      const judged = await judge(app, candidate);
      if (judged instanceof AppError) imported.left.push({ from: from.join(", "), why: judged.message });
      else taken.push(judged);
    }
  }
  // In the order of their providers: two imports at once do not wait for each other's rows.
  const ordered = taken.toSorted((a, b) => (a.known.provider.name < b.known.provider.name ? -1 : 1));
  const written = isDry ? ordered : await write(app, ordered, imported);
  for (const { input, known, read, from } of written) {
    imported.sealed.push({ name: input.name, provider: known.provider.name, from, warnings: read.warnings });
  }
  return imported;
}

function write(app: App, taken: readonly Taken[], imported: Imported): Promise<Taken[]> {
  return transaction(app.db, async (tx) => {
    const written: Taken[] = [];
    for (const one of taken) {
      if ((await insertSealed(tx, app, one, requester())) !== undefined) written.push(one);
      else imported.kept.push({ name: one.input.name, from: one.from });
    }
    return written;
  });
}

async function judge(app: App, { from, ...input }: Found): Promise<Taken | AppError> {
  try {
    const known = await requireProvider(app, input.provider);
    return { input, known, read: readFields(known.provider, input.fields), from };
  } catch (error) {
    if (error instanceof AppError && ["invalid_input", "not_found"].includes(error.code)) return error;
    throw error;
  }
}

async function readFile(path: string): Promise<{ content: Buffer; isOpen: boolean }> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw new AppError("not_found", `cannot read ${path}: ${readErrorCode(cause) ?? "it is not there"}`, { cause });
  });
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size > largestBytes) {
      throw new AppError("invalid_input", `${path} is no file of at most 16 MiB`);
    }
    return { content: await file.readFile(), isOpen: (status.mode & 0o077) !== 0 };
  } finally {
    await file.close();
  }
}

function formatImported({ sealed, kept, left }: Imported, context: CommandContext, isDry: boolean): string {
  const paint = createPaint({ color: context.global.color });
  const rows = [
    ...sealed.map(({ name, provider, from }) => [
      from.join(", "),
      name,
      paint.good(isDry ? `would be sealed (${provider})` : `sealed (${provider})`),
    ]),
    ...kept.map(({ name, from }) => [from.join(", "), name, paint.loose("is there already and stays as it is")]),
    ...left.map(({ from, why }) => [from, "-", paint.loose(`not taken: ${why}`)]),
  ];
  return rows.length === 0 ? "the file holds nothing" : formatTable(["FROM", "CREDENTIAL", ""].map(paint.faint), rows);
}
