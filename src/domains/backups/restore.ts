/** The restore itself: a custom dump by several processes at once, a script through a restricted psql. */
import { randomBytes } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, chown, copyFile, open, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

import pg from "pg";

import type { App } from "#app.ts";
import type { ThrowawayServer } from "#store/throwaway-server.ts";

import { type ClientProgram, runClient } from "./client-programs.ts";
import { createRowSplitter, type DominantTable, findDominantTable } from "./dominant-table.ts";
import { chooseEntries } from "./dump-entries.ts";
import { restorableScript } from "./dump-script.ts";
import type { Manifest } from "./manifest.ts";
import type { RestoreRole } from "./drill-queries.ts";
import { readFailures, type RestoreFailure } from "./restore-failures.ts";
import type { DumpHeader } from "./schema.ts";

/** A pg_restore in a container cannot reach the server here: it writes a script for psql. */
export type RestorePrograms =
  | { way: "archive"; pgRestore: ClientProgram }
  | { way: "archive as script"; pgRestore: ClientProgram; psql: ClientProgram }
  | { way: "script"; psql: ClientProgram };

export type RestoreInput = {
  file: string;
  format: DumpHeader["format"];
  /** Of a custom dump: what `pg_restore --list` says. */
  list: string;
  programs: RestorePrograms;
  server: ThrowawayServer;
  database: string;
  role: RestoreRole;
  madeSchemas: ReadonlySet<string>;
  /** Of the manifest; empty without one. */
  tables: Manifest["tables"];
  timeoutMs: number;
  signal: AbortSignal;
};

const mostJobs = 4;
const maxComplaintBytes = 4 * 1024 * 1024;

/** What the programs complained about; nothing when all of it is restored. A timeout is an AppError. */
export async function restoreDump(app: Pick<App, "run">, input: RestoreInput): Promise<RestoreFailure[]> {
  const { programs, format } = input;
  switch (programs.way) {
    case "archive":
      return restoreArchive(app, programs.pgRestore, input);
    case "script":
      return restoreScript(app, programs.psql, input, { file: input.file, isPacked: format === "plain.gz" });
    case "archive as script": {
      const file = await writeScript(app, programs.pgRestore, input);
      return restoreScript(app, programs.psql, input, { file, isPacked: false });
    }
  }
}

/** Goes on after a refused statement: what else is wrong decides whom it accuses. */
async function restoreArchive(
  app: Pick<App, "run">,
  pgRestore: ClientProgram,
  input: RestoreInput,
): Promise<RestoreFailure[]> {
  const sessions = Math.min(availableParallelism(), mostJobs);
  const entries = chooseEntries(input.list, input.madeSchemas);
  const dominant = findDominantTable(entries, input.tables, sessions);
  const archive = { app, pgRestore, input, sessions, file: await handOver(input) };
  if (dominant === undefined) return restoreEntries(archive, entries);
  const others = entries.replace(`${dominant.entry}\n`, "");
  return [
    ...(await restoreEntries(archive, others, "pre-data", "data")),
    ...(await restoreRows(archive, dominant)),
    ...(await restoreEntries(archive, entries, "post-data")),
  ];
}

type Archive = {
  app: Pick<App, "run">;
  pgRestore: ClientProgram;
  input: RestoreInput;
  sessions: number;
  file: string;
};

/** All sections where none is named. */
async function restoreEntries(
  { app, pgRestore, input, sessions, file }: Archive,
  entries: string,
  ...sections: readonly string[]
): Promise<RestoreFailure[]> {
  const list = await writeEntries(input, entries);
  const args = [
    "--no-password",
    "--no-tablespaces",
    `--jobs=${sessions}`,
    ...sections.map((name) => `--section=${name}`),
  ];
  const { exitCode, stderr } = await runClient(
    app,
    pgRestore,
    [...args, `--use-list=${list}`, `--dbname=${input.database}`, file],
    {
      env: connectionEnvironment(input),
      timeoutMs: input.timeoutMs,
      signal: input.signal,
      accept: [0, 1],
      maxOutputBytes: maxComplaintBytes,
    },
  );
  return judge(exitCode, stderr, "pg_restore");
}

/** What the archive complains about comes before what the server makes of its rows. */
async function restoreRows(archive: Archive, table: DominantTable): Promise<RestoreFailure[]> {
  const { app, pgRestore, input, sessions, file } = archive;
  const { server, database, role } = input;
  const list = await writeEntries(input, table.entry);
  const splitter = createRowSplitter(
    { host: server.socketDirectory, port: 5432, user: role.name, password: role.password, database },
    sessions,
  );
  const reading = runClient(
    app,
    pgRestore,
    ["--no-tablespaces", `--use-list=${list}`, "--section=data", "--file=-", file],
    {
      timeoutMs: input.timeoutMs,
      signal: input.signal,
      accept: [0, 1],
      maxOutputBytes: maxComplaintBytes,
      outputTo: splitter.script,
    },
  );
  const [read, loaded] = await Promise.allSettled([reading, splitter.finish()]);
  input.signal.throwIfAborted();
  if (loaded.status === "fulfilled" && loaded.value === "not copied")
    return restoreEntries(archive, table.entry, "data");
  if (loaded.status === "rejected") return [describeRefusal(table, loaded.reason)];
  if (read.status === "rejected") throw read.reason;
  const failures = judge(read.value.exitCode, read.value.stderr, "pg_restore");
  if (loaded.value === "loaded" || failures.length > 0) return failures;
  return [{ kind: "archive", text: `the rows of ${table.schema}.${table.name} have no end` }];
}

/** As pg_restore words it where its own session is refused. */
function describeRefusal({ name }: DominantTable, error: unknown): RestoreFailure {
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof pg.DatabaseError)) return { kind: "host", text };
  const [failure] = readFailures(`pg_restore: error: COPY failed for table "${name}": ERROR:  ${text}`);
  return failure ?? { kind: "statement", text: `COPY failed for table "${name}"` };
}

/** In the server's own directory, which is removed with it. */
async function writeEntries({ server: { user, dataDirectory } }: RestoreInput, entries: string): Promise<string> {
  const list = join(dirname(dataDirectory), "entries");
  await writeFile(list, `${entries.trimEnd()}\n`, { mode: 0o600 });
  if (user !== undefined) await chown(list, user.uid, user.gid);
  return list;
}

/** To the server's user, who may not read where backups lie: several processes each open the file by its name. */
async function handOver({ file, server: { user, dataDirectory } }: RestoreInput): Promise<string> {
  if (user === undefined) return file;
  const copy = join(dirname(dataDirectory), "dump");
  await copyFile(file, copy, constants.COPYFILE_FICLONE);
  await chmod(copy, 0o600);
  await chown(copy, user.uid, user.gid);
  return copy;
}

/** Stops at the first refused statement: what follows a COPY that did not begin would be read as statements. */
async function restoreScript(
  app: Pick<App, "run">,
  psql: ClientProgram,
  input: RestoreInput,
  { file, isPacked }: { file: string; isPacked: boolean },
): Promise<RestoreFailure[]> {
  const script = restorableScript(randomBytes(24).toString("hex"), input.madeSchemas);
  const broken = new AbortController();
  const source = createReadStream(file);
  const stages = isPacked ? [source, createGunzip(), script] : [source, script];
  const fed = pipeline(stages).catch(() => broken.abort());

  const options = ["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1"];
  try {
    const { exitCode, stderr } = await runClient(app, psql, [...options, "--output=/dev/null", "--file=-"], {
      input: script,
      env: connectionEnvironment(input),
      timeoutMs: input.timeoutMs,
      signal: AbortSignal.any([input.signal, broken.signal]),
      accept: [0, 1, 2, 3],
      maxOutputBytes: maxComplaintBytes,
    });
    return judge(exitCode, stderr, "psql");
  } finally {
    source.destroy();
    script.destroy();
    await fed;
  }
}

/** In the server's own directory too. */
async function writeScript(app: Pick<App, "run">, pgRestore: ClientProgram, input: RestoreInput): Promise<string> {
  const path = join(dirname(input.server.dataDirectory), "script");
  const output = await open(path, "wx", 0o600);
  const source = createReadStream(input.file);
  try {
    await runClient(app, pgRestore, ["--no-tablespaces", "--file=-"], {
      input: source,
      outputTo: output.fd,
      timeoutMs: input.timeoutMs,
      signal: input.signal,
    });
  } finally {
    source.destroy();
    await output.close();
  }
  return path;
}

function judge(exitCode: number, stderr: string, program: string): RestoreFailure[] {
  const failures = readFailures(stderr);
  if (exitCode === 0 || failures.length > 0) return failures;
  return [{ kind: "host", text: `${program} ended with exit code ${exitCode} and said nothing that is understood` }];
}

function connectionEnvironment({ server, database, role }: RestoreInput): Record<string, string> {
  return {
    PGHOST: server.socketDirectory,
    PGPORT: "5432",
    PGUSER: role.name,
    PGPASSWORD: role.password,
    PGDATABASE: database,
    PGPASSFILE: "/dev/null",
    PGAPPNAME: "leveredge drill",
  };
}
