/**
 * Migration files: `NNNN_noun.sql` in one directory, plain SQL, applied in the
 * order of their numbers. A first line `-- no-transaction` takes a file out of
 * its transaction, for `create index concurrently` and its like.
 */
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { AppError } from "#errors.ts";

import { splitSql, type SqlStatement } from "./sql-statements.ts";

export type MigrationFile = {
  /** The file's name: `0007_agent.sql`. */
  name: string;
  number: number;
  sql: string;
  /** SHA-256 of the file's bytes, in hex. */
  checksum: string;
  inTransaction: boolean;
};

const fileName = /^(\d{4})_[a-z0-9]+(?:_[a-z0-9]+)*\.sql$/;
/** The generated snapshot for readers. */
const snapshotName = "schema.sql";
const byteOrderMark = [0xef, 0xbb, 0xbf];
/** Statements that would end the transaction, or the lock, that the runner holds. */
const sessionControl = new Set([
  "begin",
  "start",
  "commit",
  "end",
  "abort",
  "rollback",
  "prepare transaction",
  "discard",
]);

/** All migration files of a directory by number. Every fault is reported at once; other files than `*.sql` do not matter. */
export async function readMigrationFiles(directory: string): Promise<MigrationFile[]> {
  const files: MigrationFile[] = [];
  const faults: string[] = [];
  for (const entry of await listDirectory(directory)) {
    if (!entry.name.endsWith(".sql") || entry.name === snapshotName) continue;
    const read = await readMigrationFile(directory, entry.name);
    if (typeof read === "string") faults.push(`${entry.name}: ${read}`);
    else files.push(read);
  }
  files.sort((a, b) => a.number - b.number);
  for (const [position, file] of files.entries()) {
    const before = files[position - 1];
    if (before?.number === file.number) faults.push(`${file.name}: has the same number as ${before.name}`);
  }
  if (faults.length > 0) throw invalidFiles(directory, faults);
  return files;
}

/** A migration file from its name and bytes, or what is wrong with them. */
export function parseMigrationFile(name: string, bytes: Buffer): MigrationFile | string {
  const number = fileName.exec(name)?.[1];
  if (number === undefined) return "expected a name like 0001_agent.sql: four digits, _, lower-case words";
  if (byteOrderMark.every((byte, at) => bytes[at] === byte))
    return "starts with a byte order mark; save it as UTF-8 without BOM";
  if (bytes.includes(0)) return "holds a NUL byte; it is not SQL text in UTF-8";
  const sql = bytes.toString("utf8");
  if (!Buffer.from(sql, "utf8").equals(bytes)) return "is not valid UTF-8";
  return {
    name,
    number: Number(number),
    sql,
    checksum: createHash("sha256").update(bytes).digest("hex"),
    inTransaction: !/^-- no-transaction[ \t]*(\r?\n|$)/.test(sql),
  };
}

/** The statements of a file that is to be applied; throws when the runner cannot keep its promises about it. */
export function readStatements(file: MigrationFile): SqlStatement[] {
  const { statements, metaCommands } = splitSql(file.sql);
  const faults = [
    ...metaCommands.map(({ name, line }) => `line ${line}: ${name} is a command of psql, not SQL`),
    ...statements.flatMap((statement) => statementFaults(statement)),
  ];
  if (statements.length === 0) faults.push("it holds no statement");
  if (faults.length === 0) return statements;
  throw new AppError("invalid_input", `migration ${file.name} cannot be applied:\n  ${faults.join("\n  ")}`, {
    hint: `Edit ${file.name}: plain SQL statements without begin and commit; the runner opens the transaction.`,
  });
}

function statementFaults({ line, words }: SqlStatement): string[] {
  const [first = "", second = ""] = words;
  if (first === "rollback" && words.includes("to")) return [];
  if (sessionControl.has(first) || sessionControl.has(`${first} ${second}`)) {
    return [`line ${line}: \`${first}\` would end or replace the runner's own transaction`];
  }
  if (first === "copy" && words.includes("stdin")) {
    return [`line ${line}: \`copy … from stdin\` takes rows that only psql can send; use insert`];
  }
  return [];
}

async function readMigrationFile(directory: string, name: string): Promise<MigrationFile | string> {
  try {
    return parseMigrationFile(name, await readFile(join(directory, name)));
  } catch (cause) {
    // Reported together with the faults of the other files.
    return `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

async function listDirectory(directory: string): Promise<{ name: string }[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("not_found", `migrations directory ${directory} cannot be read: ${detail}`, {
      cause,
      hint: `Create it with: mkdir -p ${directory}`,
    });
  }
}

function invalidFiles(directory: string, faults: string[]): AppError {
  return new AppError("invalid_input", `migrations in ${directory} are not in order:\n  ${faults.join("\n  ")}`, {
    hint: "Rename or mend these files; each is NNNN_noun.sql with a number of its own.",
  });
}
