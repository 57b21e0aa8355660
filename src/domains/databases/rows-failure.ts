/**
 * What went wrong while rows travelled. The server's detail and context hold
 * values of rows: they are left behind.
 */
import { AppError } from "#errors.ts";
import { refusalWords } from "#store/refusal-words.ts";

/** `subject` is what was worked on: `rows of public.agent_configs`. */
export function rowsFailure(subject: string, side: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const { code, constraint, message } = fieldsOf(cause);
  const kept = { cause: new Error(`${code} ${message}`.trim()) };
  switch (code) {
    case "23505":
    case "23P01":
      return new AppError("conflict", `${subject}: a row that only ${side} has holds a value of ${constraint}`, {
        hint: `Remove that row from ${side}, or set delete: true for the table in leveredge.yaml.`,
        ...kept,
      });
    case "23503":
      return new AppError("conflict", `${subject}: foreign key ${constraint} of ${side} would be broken`, {
        hint: `Remove the referring rows from ${side}, or list their table too.`,
        ...kept,
      });
    case "23502":
    case "23514":
      return new AppError("conflict", `${subject}: a constraint of ${side} does not hold for them`, {
        hint: "Mirror the schema first.",
        ...kept,
      });
    case "55P03":
      return new AppError("unavailable", `${subject}: another session of ${side} holds a lock on the table`, {
        hint: "Run the command again when that session has ended.",
        ...kept,
      });
    case "53100":
      return new AppError("unavailable", `${subject}: the disk of ${side} is full`, {
        hint: "Free space there and run the command again; nothing was copied.",
        ...kept,
      });
    case "57P01":
    case "57P02":
    case "57P03":
    case "ECONNRESET":
    case "EPIPE":
      return lostConnection(subject, side, kept);
    case "57014":
      return new AppError("upstream_timeout", `${subject}: the server ended the statement: ${message}`, kept);
    default:
      return message.startsWith("Connection terminated")
        ? lostConnection(subject, side, kept)
        : new AppError("upstream_failed", `${subject}: ${message}`, kept);
  }
}

function lostConnection(subject: string, side: string, kept: { cause: Error }): AppError {
  return new AppError("unavailable", `${subject}: the connection was lost; ${side} is as it was before`, {
    hint: "Check that both databases still exist and answer, then run the command again.",
    ...kept,
  });
}

/** Foreign keys that do not hold, found by asking: the copy is rolled back. */
export function brokenKeyFailure(subject: string, constraint: string, from: string, rows: number): AppError {
  return new AppError("conflict", `${subject}: ${rows} rows of ${from} would break foreign key ${constraint}`, {
    hint: `Remove those rows, take delete: true off the table, or list ${from} too.`,
  });
}

function fieldsOf(cause: unknown): { code: string; constraint: string; message: string } {
  if (!(cause instanceof Error)) return { code: "", constraint: "", message: String(cause) };
  const read = (name: string): string => {
    const value: unknown = Reflect.get(cause, name);
    return typeof value === "string" ? value : "";
  };
  return { code: read("code"), constraint: read("constraint"), message: refusalWords(cause) };
}
