/** `leveredge backups create`. */
import { resolve } from "node:path";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { readVersion } from "#config/program-version.ts";
import { openReference, parseReference } from "#config/references.ts";
import { AppError, outcomeExit } from "#errors.ts";
import { splitVia } from "#postgres/configured-target.ts";
import { Secret } from "#secrets/secret.ts";
import { runProgram } from "#system/run.ts";

import { openForSets, requester, textOf, workOf } from "./command-work.ts";
import { createBackup, type CreatedBackup } from "./create.ts";
import { createSetBackup } from "./set-backup.ts";
import { type BackupSet, findSet } from "./sets.ts";
import { formatBytes } from "./words.ts";

export async function runCreate(context: CommandContext): Promise<number> {
  const isOfSet = context.options["fromUrl"] === undefined && context.options["out"] === undefined;
  const { file, manifestPath, manifest } = await (isOfSet ? createForSet(context) : createFromUrl(context));
  const { definitions: _definitions, file: described, tables, sequences, ...told } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const text = [
    `${file}: ${formatBytes(described.sizeBytes)}, ${rows} rows of ${tables.length} tables`,
    `Restore it for real: leveredge backups verify --file ${file}`,
  ];
  const data = { file, manifestPath, ...described, ...told, tables: tables.length, sequences: sequences.length, rows };
  context.output.data(data, text.join("\n"));
  return outcomeExit.ok;
}

async function createForSet(context: CommandContext): Promise<CreatedBackup> {
  const app = await openForSets(context);
  const set = chooseSet(app, context.arguments[0]);
  return createSetBackup(app, set, { ...workOf(context), requestedBy: requester() });
}

/** The only one needs no name. */
function chooseSet({ config }: Pick<App, "config">, name: string | undefined): BackupSet {
  const [only, ...others] = config.backups;
  if (name !== undefined) return findSet(config, name);
  if (only !== undefined && others.length === 0) return only;
  throw new AppError("invalid_input", `there are ${config.backups.length} backup sets`, {
    hint: `Name one of ${config.backups.map((set) => set.name).join(", ")}.`,
  });
}

async function createFromUrl(context: CommandContext): Promise<CreatedBackup> {
  const [given, out] = [textOf(context.options["fromUrl"]), textOf(context.options["out"])];
  if (given === undefined || out === undefined || context.arguments.length > 0) {
    throw new AppError("invalid_input", "--from-url and --out go together, without a set", {
      hint: "leveredge backups create --from-url env:NAME --out FILE",
    });
  }
  const via = splitVia(textOf(context.options["via"]));
  const url = await openUrl(given);
  const target = { label: "--from-url", url, ...(via.length === 0 ? {} : { via }) };
  const app = { run: runProgram, now: () => new Date(), programVersion: readVersion() };
  return createBackup(app, { target, file: resolve(out) }, workOf(context));
}

/** A reference, or a URL without a password: other users of this host can read a command line. */
async function openUrl(given: string): Promise<Secret> {
  if (parseReference(given) !== undefined) return openReference(given, resolve("leveredge.yaml"));
  if (/^[a-z]+:\/\/[^/?]*:[^/?]*@/i.test(given) || /[?&]password=/i.test(given)) {
    throw new AppError("invalid_input", "--from-url has a password in it, which every user of this host can read", {
      hint: "Put the URL into a variable or a file of mode 0600 and pass --from-url env:NAME or file:PATH.",
    });
  }
  return new Secret(given);
}
