/** `POST /v1/traces`: spans of any program that exports them by OTLP over HTTP. */
import type { App } from "#app.ts";
import type { Ledger } from "#domains/usage/usage.ts";
import { requireActor, type Route, route, type TellFailure } from "#http/route.ts";

import { jsonType, protobufType, readSpans, writeAnswer, writeFailure } from "./otlp.ts";
import { chooseEnvironment, findForbidden, readCall, type ReadCall } from "./read-calls.ts";
import { listCalls, type SpannedCall } from "./spans.ts";
import { recordRead } from "./usage-routes.ts";

const limitBytes = 32 * 1024 * 1024;
const mostReasons = 3;

/** `google.rpc.Code` of what we answer. */
const rpcCodes: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 413: 8, 429: 8, 503: 14 };
const rpcInternal = 13;

/** Exporters send again what was not answered: without ids it would be booked again. */
const noIds: ReadCall = { reason: "traceId or spanId is none", code: "invalid_format", field: "trace_id" };

function hasIds({ trace_id, span_id }: SpannedCall): boolean {
  return trace_id !== undefined && span_id !== undefined;
}

export function listTraceRoutes(app: Pick<App, "config" | "now">, ledger: Ledger): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/traces",
      summary: "record the calls of language models among spans",
      description:
        "OTLP over HTTP: an ExportTraceServiceRequest as protobuf or JSON, also gzipped; the answer comes in the same encoding. Only leaf spans of chat, generate_content, text_completion and embeddings are booked, once for each span; others are taken and passed over.",
      permission: "usage:write",
      environment: "any",
      intake: { types: [protobufType, jsonType], limitBytes },
      tellFailure,
      response: { 200: undefined },
      handle: async (request) => {
        const actor = requireActor(request);
        const type = request.headers["content-type"] ?? "";
        const environment = chooseEnvironment(actor, undefined);
        const reading = { timezone: app.config.platform.timezone, now: app.now(), environment };
        const read = listCalls(readSpans(request.bytes, type)).map((value): ReadCall => {
          const one = hasIds(value) ? readCall(value, reading) : noIds;
          return "call" in one ? (findForbidden(actor, one.call) ?? one) : one;
        });
        const receipts = await recordRead(ledger, read, { source: "otlp", environment });
        const reasons = receipts.flatMap(({ state, reason = "" }) => (state === "rejected" ? [reason] : []));
        const answer = writeAnswer(type, {
          count: reasons.length,
          reasons: [...new Set(reasons)].slice(0, mostReasons),
        });
        return { body: answer.body, headers: { "content-type": answer.contentType } };
      },
    }),
  ];
}

const tellFailure: TellFailure = ({ status, message, hint }, contentType) =>
  writeFailure(contentType, {
    code: rpcCodes[status] ?? rpcInternal,
    message: hint === undefined ? message : `${message}. ${hint}`,
  });
