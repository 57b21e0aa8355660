/** Everything that can be said of a dump before a server is started for it. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

import type { App } from "#app.ts";
import { readErrorCode } from "#errors.ts";
import type { SystemUser } from "#store/system-user.ts";

import {
  chooseReader,
  chooseRestrictedPsql,
  type ClientProgram,
  findClientBehind,
  listClientPrograms,
  majorOf,
  runClient,
} from "./client-programs.ts";
import { compareDefinitions, readDefinitions } from "./definitions.ts";
import { readScriptNeeds, type ScriptNeeds } from "./dump-script.ts";
import type { Manifest } from "./manifest.ts";
import type { RestorePrograms } from "./restore.ts";
import { readFailures } from "./restore-failures.ts";
import type { DumpHeader } from "./schema.ts";

export type InspectInput = {
  file: string;
  header: DumpHeader;
  manifest: Manifest | undefined;
  via: readonly string[];
  /** Whom programs of this host run as, when not as this process does. */
  user: SystemUser | undefined;
  timeoutMs: number;
  signal: AbortSignal;
};

export type Inspected = {
  state: "restorable";
  needs: ScriptNeeds;
  /** `pg_restore --list` of a custom dump. */
  list: string;
  programs: RestorePrograms;
  notes: string[];
};

export type Refused = { state: "damaged" | "unverifiable"; why: string };

const maxTextBytes = 512 * 1024 * 1024;

/** Reads a script to its end, of a custom dump what is no row; compares definitions with the manifest's. */
export async function inspectDump(app: Pick<App, "run">, input: InspectInput): Promise<Inspected | Refused> {
  return input.header.format === "custom" ? inspectArchive(app, input) : inspectScript(app, input);
}

async function inspectArchive(app: Pick<App, "run">, input: InspectInput): Promise<Inspected | Refused> {
  const { header, manifest, signal } = input;
  const local = await listClientPrograms(app, "pg_restore", input);
  // Whoever read it when it was made can read it now, whatever a damaged header says.
  const major = majorOf(manifest?.definitions.tool ?? header.dumpVersion);
  const here = chooseReader(local, major);
  const behind =
    here === undefined && input.via.length > 0 ? await findClientBehind(app, input.via, signal) : undefined;
  const pgRestore = here ?? behind;
  if (pgRestore === undefined || pgRestore.major < major) return describeOldClient(major, local);
  const psql = here === undefined ? await findPsql(app, input) : undefined;
  if (here === undefined && psql === undefined) return noPsql;
  const programs: RestorePrograms =
    psql === undefined ? { way: "archive", pgRestore } : { way: "archive as script", pgRestore, psql };

  const script = await readArchive(app, input, pgRestore, ["--schema-only", "--file=-"]);
  if ("state" in script) return script;
  const list = await readArchive(app, input, pgRestore, ["--list"]);
  if ("state" in list) return list;
  const definitions = await checkDefinitions(app, input, pgRestore);
  if ("state" in definitions) return definitions;
  const needs = await readScriptNeeds(Readable.from([Buffer.from(script.text)]));
  return { state: "restorable", needs, list: list.text, programs, notes: definitions.notes };
}

async function inspectScript(app: Pick<App, "run">, input: InspectInput): Promise<Inspected | Refused> {
  const psql = await findPsql(app, input);
  if (psql === undefined) return noPsql;
  try {
    const needs = await readScriptNeeds(openScript(input));
    if (!needs.isComplete) return { state: "damaged", why: "its last line is missing: the dump was cut off" };
    const definitions = await checkDefinitions(app, input, undefined);
    if ("state" in definitions) return definitions;
    return { state: "restorable", needs, list: "", programs: { way: "script", psql }, notes: definitions.notes };
  } catch (error) {
    if (readErrorCode(error)?.startsWith("Z_") !== true) throw error;
    return { state: "damaged", why: `its gzip stream is damaged: ${String(error)}` };
  }
}

async function* openScript({ file, header, signal }: InspectInput): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { signal, highWaterMark: 1024 * 1024 });
  const stream = header.format === "plain" ? source : source.pipe(createGunzip());
  if (stream !== source) source.on("error", (error) => stream.destroy(error));
  try {
    yield* stream;
  } finally {
    source.destroy();
  }
}

/** The text on stdin, so that a container reads it too. A file that cannot be read is an answer. */
async function readArchive(
  app: Pick<App, "run">,
  { file, timeoutMs, signal }: InspectInput,
  pgRestore: ClientProgram,
  args: string[],
): Promise<{ text: string } | Refused> {
  const source = createReadStream(file);
  try {
    const { exitCode, stdout, stderr } = await runClient(app, pgRestore, args, {
      input: source,
      timeoutMs,
      signal,
      accept: [0, 1],
      maxOutputBytes: maxTextBytes,
    });
    if (exitCode === 0) return { text: stdout };
    const [failure] = readFailures(stderr);
    const isFiles = failure?.kind === "archive";
    const why = `pg_restore ${pgRestore.version} cannot read it: ${failure?.text ?? "it does not say why"}`;
    return { state: isFiles ? "damaged" : "unverifiable", why };
  } finally {
    source.destroy();
  }
}

async function checkDefinitions(
  app: Pick<App, "run">,
  { file, header, manifest, timeoutMs, signal }: InspectInput,
  pgRestore: ClientProgram | undefined,
): Promise<{ notes: string[] } | Refused> {
  if (manifest === undefined) return { notes: [] };
  const { format } = header;
  const found = await readDefinitions(app, {
    ...{ file, format, pgRestore: pgRestore?.words ?? [], timeoutMs, signal },
    ...(pgRestore?.user === undefined ? {} : { user: pgRestore.user }),
  });
  const lines = compareDefinitions(manifest.definitions, found);
  if (lines === undefined) {
    const note = `definitions were not compared: pg_restore ${manifest.definitions.tool} read them then, ${found.tool} now`;
    return { notes: [note] };
  }
  const [first, ...more] = lines;
  if (first === undefined) return { notes: [] };
  const rest = more.length === 0 ? "" : `, and ${more.length} more`;
  return { state: "damaged", why: `it is not what was dumped: ${first}${rest}` };
}

function describeOldClient(major: number, local: readonly ClientProgram[]): Refused {
  const newest = local.at(-1);
  const here =
    newest === undefined ? "this host has no pg_restore" : `the newest pg_restore of this host is ${newest.version}`;
  const remedy = `install postgresql-client-${major} or name a container with via`;
  return { state: "unverifiable", why: `it was made by pg_dump ${major} and ${here}: ${remedy}` };
}

const noPsql: Refused = {
  state: "unverifiable",
  why: "this host has no psql that can be restricted (15.14, 16.10, 17.6, 18 and newer can): install postgresql-client",
};

async function findPsql(app: Pick<App, "run">, input: InspectInput): Promise<ClientProgram | undefined> {
  return chooseRestrictedPsql(await listClientPrograms(app, "psql", input));
}
