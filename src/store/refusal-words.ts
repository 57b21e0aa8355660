/**
 * What PostgreSQL says about a statement that it refused, without values of rows.
 * Its detail and context are never passed on; of its messages, those about data that
 * do not fit quote them, and what a function raises is anybody's text.
 */
import pg from "pg";

/** The message as it may be shown and stored. */
export function refusalWords(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (!(cause instanceof pg.DatabaseError)) return cause.message;
  const code = cause.code ?? "";
  if (code === "P0001") return "a function of the database raised an exception";
  return code.startsWith("22") ? cause.message.replace(/["'«»„“‘`‹].*/s, "[value]") : cause.message;
}
