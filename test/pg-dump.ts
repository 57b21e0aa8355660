/**
 * What pg_dump says about a schema, as entries whose order means nothing: a
 * second witness for tests, beside our own catalogue.
 */
import { parse } from "pg-connection-string";

import { runProgram } from "#system/run.ts";

const timeoutMs = 60_000;

/** Sorted entries of `pg_dump --schema-only`. The server must not be newer than the program. */
export async function dumpSchema(url: string): Promise<string[]> {
  return splitDump(await runDump(url));
}

/** Makes the empty database `to` what `pg_dump --schema-only` says of `from`. */
export async function restoreSchema(from: string, to: string): Promise<void> {
  const input = await runDump(from);
  const args = ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null"];
  await runProgram("psql", args, { timeoutMs, input, env: clientEnvironment(to) });
}

async function runDump(url: string): Promise<string> {
  const env = clientEnvironment(url);
  const { stdout } = await runProgram("pg_dump", ["--schema-only", "--no-password"], { timeoutMs, env });
  return stdout;
}

function clientEnvironment(url: string): Record<string, string> {
  const { host, port, user, password, database } = parse(url);
  return {
    PGHOST: host ?? "",
    PGPORT: port ?? "5432",
    PGUSER: user ?? "",
    PGPASSWORD: password ?? "",
    PGDATABASE: database ?? "",
  };
}

/** Entries of one side that the other does not have. */
export function compareDumps(left: readonly string[], right: readonly string[]): { left: string[]; right: string[] } {
  return {
    left: left.filter((entry) => !right.includes(entry)),
    right: right.filter((entry) => !left.includes(entry)),
  };
}

/** An entry starts with `-- Name: …`; columns and options inside one are sorted, because a later column stands last. */
function splitDump(dump: string): string[] {
  return dump
    .replaceAll(/^\\(un)?restrict .*$/gm, "")
    .split(/^--\n-- Name: /m)
    .slice(1)
    .map(normalizeEntry)
    .toSorted();
}

function normalizeEntry(entry: string): string {
  const withoutSettings = entry.replaceAll(/^SET default_(tablespace|table_access_method) = .*;$/gm, "").trim();
  if (!/^CREATE (UNLOGGED |FOREIGN )?TABLE /m.test(withoutSettings)) return withoutSettings;
  return withoutSettings
    .split("\n")
    .map((line) => line.replace(/,$/, ""))
    .toSorted()
    .join("\n");
}
