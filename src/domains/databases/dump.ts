/**
 * A schema as `pg_dump` writes it, cut into its entries: what an empty dev and a
 * throw-away database are made of. Definitions only; no row is read.
 *
 * User mappings and subscriptions are taken out: they hold passwords, and the
 * second would start to replicate.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";

import { clientProgram, clientProgramEnvironment, type DatabaseTarget } from "#postgres/connection.ts";
import type { RelationName } from "./delta-protocol.ts";

export type DumpEntry = {
  /** As pg_dump writes it: `TABLE`, `FK CONSTRAINT`. */
  type: string;
  /** `public.orders`; without a schema the name alone. */
  object: string;
  sql: string;
};

export type DumpScope = { schemas: readonly string[]; tables: readonly RelationName[] };

const timeoutMs = 15 * 60 * 1000;
const lockTimeoutMs = 10_000;
const versionTimeoutMs = 30_000;
const maxDumpBytes = 512 * 1024 * 1024;
const header = /^--\n-- Name: ([^\n]*); Type: ([^\n;]*); Schema: ([^\n]*); Owner: [^\n]*\n--\n\n/gm;
const leftOut = new Set(["USER MAPPING", "SUBSCRIPTION"]);

/** Major version of the pg_dump that serves this target; undefined when there is none. */
export async function findDumpVersion(
  app: Pick<App, "run">,
  target: DatabaseTarget,
  signal: AbortSignal,
): Promise<number | undefined> {
  const command = clientProgram(target, "pg_dump", ["--version"]);
  try {
    const { stdout } = await app.run(command.program, command.args, { timeoutMs: versionTimeoutMs, signal });
    const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
    return major === undefined ? undefined : Number(major);
  } catch (cause) {
    if (cause instanceof AppError && cause.code === "not_found") return undefined;
    throw cause;
  }
}

/** The entries in the order in which they can be created. */
export async function dumpSchema(
  app: Pick<App, "run">,
  target: DatabaseTarget,
  scope: DumpScope,
  signal: AbortSignal,
): Promise<DumpEntry[]> {
  const without = [
    ...scope.schemas.map((schema) => `--exclude-schema=${pattern(schema)}`),
    ...scope.tables.map(({ schema, name }) => `--exclude-table=${pattern(schema)}.${pattern(name)}`),
  ];
  const { program, args } = clientProgram(target, "pg_dump", [
    "--schema-only",
    "--no-subscriptions",
    "--no-tablespaces",
    "--no-password",
    `--lock-wait-timeout=${lockTimeoutMs}`,
    ...without,
  ]);
  const { stdout } = await app.run(program, args, {
    env: clientProgramEnvironment(target, { readOnly: true }),
    timeoutMs,
    signal,
    maxOutputBytes: maxDumpBytes,
  });
  return splitDump(stdout);
}

/** Cuts a plain dump at its headers; `upstream_failed` when its end is missing. */
export function splitDump(text: string): DumpEntry[] {
  const end = text.lastIndexOf("\n--\n-- PostgreSQL database dump complete\n--");
  if (end < 0) throw new AppError("upstream_failed", "pg_dump ended before its last line");
  const body = text.slice(0, end);
  const headers = [...body.matchAll(header)];
  return headers.flatMap((match, index) => {
    const [, name = "", type = "", schema = "-"] = match;
    const sql = body.slice(match.index + match[0].length, headers[index + 1]?.index ?? body.length).trim();
    const object = schema === "-" ? name : `${schema}.${name}`;
    return leftOut.has(type) || sql === "" ? [] : [{ type, object, sql }];
  });
}

/** A name as a pattern of pg_dump that means only itself. */
function pattern(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
