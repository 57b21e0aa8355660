/** Why a migration did not go through, and what the operator can do about it. */
import pg from "pg";

import { AppError } from "#errors.ts";

import type { MigrationFile } from "./migration-files.ts";
import { listInvalidIndexes } from "./migration-records.ts";
import { refusalWords } from "./refusal-words.ts";
import type { SqlStatement } from "./sql-statements.ts";

/** What became of a file, for the operator: file, line, statement and PostgreSQL's words; no literal of the file. */
export function describeFailure(file: MigrationFile, statement: SqlStatement | undefined, cause: unknown): AppError {
  const place = statement === undefined ? "at its commit" : `at line ${failedLine(statement, cause)}`;
  const quoted = statement === undefined ? "" : `\n  statement: ${statement.headline}`;
  const detail = refusalWords(cause);
  if (!(cause instanceof pg.DatabaseError)) {
    return new AppError(
      "unavailable",
      `the connection was lost in migration ${file.name} ${place}: ${detail}${quoted}`,
      {
        cause,
        hint: "Run it again once the database answers; the record says what was applied.",
      },
    );
  }
  return new AppError("upstream_failed", `migration ${file.name} failed ${place}: ${detail}${quoted}`, {
    cause,
    hint: adviseFailure(file, cause.code),
  });
}

function adviseFailure(file: MigrationFile, code: string | undefined): string {
  if (code === "55P03") return "Run it again when no other session holds a lock on what it changes.";
  if (!file.inTransaction) {
    return `Mend ${file.name} from this statement on and run again; the statements before it were applied.`;
  }
  if (code === "25001") {
    return `Make \`-- no-transaction\` the first line of ${file.name} and run again; nothing of it was applied.`;
  }
  if (code === "55P04") {
    return "Put the new enum value into a file of its own before this one and run again; nothing was applied.";
  }
  return `Mend ${file.name} and run again; nothing of it was applied.`;
}

/** PostgreSQL counts characters from 1; without a position the statement's own line is the best answer. */
function failedLine(statement: SqlStatement, cause: unknown): number {
  const position = cause instanceof pg.DatabaseError ? Number(cause.position) : Number.NaN;
  if (!Number.isInteger(position)) return statement.line;
  const before = Array.from(statement.text).slice(0, position - 1);
  return statement.line + before.filter((character) => character === "\n").length;
}

/** The same error, with the indexes that `concurrently` left unusable and how to remove the first. */
export async function withInvalidIndexes(client: pg.ClientBase, error: AppError): Promise<AppError> {
  const invalid = await listInvalidIndexes(client);
  const [first] = invalid;
  if (first === undefined) return error;
  return new AppError(error.code, `${error.message}\n  invalid indexes: ${invalid.join(", ")}`, {
    cause: error.cause,
    hint: `Remove what it left with \`drop index concurrently ${first};\`. ${error.hint ?? ""}`.trim(),
  });
}
