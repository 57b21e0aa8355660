/**
 * Failures as the operator sees them: once, on stderr, with what to do about it.
 * No message should hold a secret; those that repeat what a program said are
 * searched for one all the same.
 */
import { inspect } from "node:util";

import { AppError, readErrorCode } from "#errors.ts";
import { redact } from "#secrets/redact.ts";

import { createPaint } from "./paint.ts";
import type { Stream } from "./print.ts";
import { makePrintable } from "./printable.ts";

export type ReportOptions = { json: boolean; color: boolean; debug: boolean };

const systemFailures: Record<string, { text: string; hint: string } | undefined> = {
  ENOSPC: { text: "no space left on the disk", hint: "Free space on that disk and run the command again." },
  EDQUOT: { text: "the disk quota is used up", hint: "Free space of this user and run the command again." },
  EROFS: { text: "the file system is read-only", hint: "Mount it writable and run the command again." },
  EACCES: { text: "permission denied", hint: "Run as the user that owns it." },
  EPERM: { text: "operation not permitted", hint: "Run as the user that owns it." },
  EMFILE: { text: "too many open files", hint: "Raise the limit with `ulimit -n 4096` and run the command again." },
};

/** Prints the failure and answers the exit code. */
export function reportError(error: unknown, stderr: Stream, options: ReportOptions): number {
  const known = error instanceof AppError ? error : describeUnknown(error);
  const { code, hint } = known;
  const message = redact(known.message);
  if (options.json) {
    stderr.write(`${JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })}\n`);
  } else {
    const paint = createPaint(options);
    stderr.write(makePrintable(`${paint.bad("error:")} ${message}\n`));
    if (hint !== undefined) stderr.write(makePrintable(`${paint.loose("hint:")} ${hint}\n`));
  }
  if (options.debug) stderr.write(`${makePrintable(redact(inspect(error, { depth: 6 })))}\n`);
  return known.exitCode;
}

/** What the operating system refuses is named; anything else is a bug, whose message may hold what must not be shown. */
function describeUnknown(error: unknown): AppError {
  const code = readErrorCode(error);
  const failure = code === undefined ? undefined : systemFailures[code];
  if (failure !== undefined) {
    const place = error instanceof Error && "path" in error ? ` (${String(error.path)})` : "";
    return new AppError("unavailable", `${failure.text}${place}`, { cause: error, hint: failure.hint });
  }
  const kind = error instanceof Error ? error.name : typeof error;
  return new AppError("internal", `unexpected ${kind}${code === undefined ? "" : ` ${code}`}`, {
    cause: error,
    hint: "Run it again with LEVEREDGE_DEBUG=1 to see where, and report it.",
  });
}
