/**
 * Every failure a person or a client can meet has one of these codes. The table
 * is the whole vocabulary: HTTP status and CLI exit code are read from it.
 */
const errorCodes = {
  invalid_input: { status: 400, exit: 2 },
  unauthenticated: { status: 401, exit: 3 },
  forbidden: { status: 403, exit: 3 },
  not_found: { status: 404, exit: 4 },
  conflict: { status: 409, exit: 5 },
  precondition_failed: { status: 412, exit: 5 },
  budget_exceeded: { status: 402, exit: 5 },
  rate_limited: { status: 429, exit: 6 },
  upstream_failed: { status: 502, exit: 6 },
  upstream_timeout: { status: 504, exit: 6 },
  unavailable: { status: 503, exit: 7 },
  sealed: { status: 503, exit: 78 },
  internal: { status: 500, exit: 1 },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Exit codes of expected outcomes: not errors, but answers a script must be able to tell apart. */
export const outcomeExit = { ok: 0, drift: 10, refused: 11, blocked: 12, failed: 13, interrupted: 130 } as const;

export type OutcomeExit = (typeof outcomeExit)[keyof typeof outcomeExit];

/**
 * The one error class. The message names the thing, starts in lower case, has no
 * full stop and never holds a secret; the hint is one imperative sentence.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  /** What the reader can do about it; shown under the message. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.hint = options.hint;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }
}

/** The code that Node or PostgreSQL gave an error: `ENOENT`, `28P01`; undefined when there is none. */
export function readErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
