/** Every failure of a request as one form: `{ error: { code, message, hint, requestId } }`. */
import type { FastifyError } from "fastify";
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from "fastify-type-provider-zod";
import { z } from "zod";

import { AppError } from "#errors.ts";

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

/** What the caller is told: an AppError as it is, a refused input with its field, anything else as `internal`. */
export function describeError(error: unknown, requestId: string): DescribedError {
  const known = readKnown(error);
  if (known === undefined) {
    const bug = new AppError("internal", "something went wrong here; the log has it under this request id");
    return { status: bug.status, reply: toReply(bug, requestId), isBug: true };
  }
  const status = statusOf(error) ?? known.status;
  return { status, reply: toReply(known, requestId), isBug: status >= 500 && known.code === "internal" };
}

function readKnown(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  if (isResponseSerializationError(error)) return undefined;
  if (hasZodFastifySchemaValidationErrors(error)) return describeInput(error);
  const status = statusOf(error);
  if (status === undefined || status >= 500) return undefined;
  return new AppError("invalid_input", describeRefusal(error));
}

/** Each fault with its place; values are not repeated, because one may be a secret. */
function describeInput(error: FastifyError & { validation: { instancePath: string; message?: string }[] }): AppError {
  const where = error.validationContext === "querystring" ? "query" : (error.validationContext ?? "input");
  const faults = error.validation.map(({ instancePath, message }) => {
    const path = instancePath.split("/").filter((part) => part !== "");
    return `${[where, ...path].join(".")}: ${tellFault(message ?? "is wrong")}`;
  });
  return new AppError("invalid_input", faults.join("; "), { hint: "See what is expected: /docs" });
}

/** Who mixes up name and value must not read the value: a key that nothing has is repeated only when it is a word. */
function tellFault(message: string): string {
  const isOfKeys = /^Unrecognized keys?: /.test(message);
  return isOfKeys && !/^Unrecognized keys?: "[a-z_-]{1,32}"(, "[a-z_-]{1,32}")*$/i.test(message)
    ? "has a key that is not known"
    : message;
}

/** Fastify's own refusals: size, content type, JSON. Their texts hold nothing of the request but its type. */
function describeRefusal(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return "the body is too large";
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return "the body must be application/json";
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
      return "the body is empty, and its type says JSON";
    default:
      return "the request cannot be read";
  }
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof AppError || !(error instanceof Error) || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

function toReply({ code, message, hint }: AppError, requestId: string): ErrorReply {
  return { error: { code, message, ...(hint === undefined ? {} : { hint }), requestId } };
}
