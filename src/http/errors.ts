/** Every failure of a request as one form: `{ error: { code, message, hint, requestId } }`. */
import { isResponseSerializationError } from "fastify-type-provider-zod";
import { z } from "zod";

import { AppError, readErrorCode } from "#errors.ts";

export const ErrorReply = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      hint: z.string().optional().describe("What the caller can do about it"),
      requestId: z.string().describe("Under which the server's log has it"),
    }),
  })
  .meta({ id: "ErrorReply", description: "Why it was refused or failed" });
export type ErrorReply = z.output<typeof ErrorReply>;

export type DescribedError = {
  status: number;
  reply: ErrorReply;
  /** True for what nobody expected: its whole chain belongs into the log. */
  isBug: boolean;
};

/** What the caller is told: an AppError as it is, what Fastify refuses in our words, anything else as `internal`. */
export function describeError(
  error: unknown,
  requestId: string,
  { bodyLimit }: { bodyLimit?: number | undefined } = {},
): DescribedError {
  const known = readKnown(error, bodyLimit);
  if (known === undefined) {
    const bug = new AppError("internal", "something went wrong here; the log has it under this request id");
    return { status: bug.status, reply: toReply(bug, requestId), isBug: true };
  }
  const status = statusOf(error) ?? known.status;
  return { status, reply: toReply(known, requestId), isBug: status >= 500 && known.code === "internal" };
}

function readKnown(error: unknown, bodyLimit: number | undefined): AppError | undefined {
  if (error instanceof AppError) return error;
  if (isResponseSerializationError(error)) return undefined;
  const status = statusOf(error);
  if (status === undefined || status >= 500) return undefined;
  return new AppError("invalid_input", describeRefusal(error, bodyLimit));
}

/** Fastify's own refusals: size, content type, JSON. Their texts hold nothing of the request but its type. */
function describeRefusal(error: unknown, bodyLimit: number | undefined): string {
  switch (readErrorCode(error)) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return bodyLimit === undefined ? "the body is too large" : `the body is larger than ${tellBytes(bodyLimit)}`;
    case "Z_DATA_ERROR":
    case "Z_BUF_ERROR":
      return "the body is not whole gzip";
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return "the body is of a content type that is not taken here";
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
      return "the body is empty, and its type says JSON";
    default:
      return "the request cannot be read";
  }
}

function tellBytes(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${bytes} bytes`;
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof AppError || !(error instanceof Error) || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

function toReply({ code, message, hint }: AppError, requestId: string): ErrorReply {
  return { error: { code, message, ...(hint === undefined ? {} : { hint }), requestId } };
}
