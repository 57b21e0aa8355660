/** Bodies that a route reads itself: their bytes, of more media types than JSON, unpacked within a bound. */
import { createGunzip } from "node:zlib";

import type { FastifyInstance, RequestPayload } from "fastify";

import { AppError } from "#errors.ts";

import type { Intake } from "./route.ts";

/** In a scope of its own: its parsers are for what is declared in it. */
export function addIntake(scope: FastifyInstance, { types, limitBytes }: Intake): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser([...types], { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  // The bytes are the route's to read: what it declares of them is for the description alone.
  const { validatorCompiler } = scope;
  scope.setValidatorCompiler((part) =>
    part.httpPart === "body" || validatorCompiler === undefined
      ? (value: unknown) => ({ value })
      : validatorCompiler(part),
  );
  scope.addHook("preParsing", (request, _reply, payload, done) => {
    const encoding = request.headers["content-encoding"] ?? "identity";
    if (encoding === "identity") return done(null, payload);
    if (encoding === "gzip") return done(null, unpack(payload, limitBytes));
    const hint = "Send the body gzipped, or as it is.";
    return done(new AppError("invalid_input", "the body's content-encoding is not understood", { hint }));
  });
}

/** Stops at the bound: what goes beyond it is not even unpacked. */
function unpack(payload: RequestPayload, limitBytes: number): RequestPayload {
  const gunzip = createGunzip();
  let length = 0;
  gunzip.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limitBytes) return;
    // Fastify, which counts too, answers it.
    payload.unpipe(gunzip);
    gunzip.destroy();
  });
  payload.once("error", (error) => gunzip.destroy(error));
  // Fastify listens until it has answered; a failure after that is nobody's.
  gunzip.on("error", () => undefined);
  payload.pipe(gunzip);
  // Fastify compares what came with what the headers promised.
  return Object.defineProperty(gunzip, "receivedEncodedLength", { get: () => gunzip.bytesWritten });
}
