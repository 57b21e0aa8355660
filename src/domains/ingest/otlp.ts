/** OTLP over HTTP: what an exporter sends, read from JSON or protobuf into spans, and what it is answered in the encoding it asked in. */
import { readFileSync } from "node:fs";

import protobuf from "protobufjs";

import { AppError } from "#errors.ts";

import { asList, asObject } from "./json.ts";

export type AttributeValue = string | number | boolean;

/** The part of a span that a call is made of. Ids are lower-case hex, `undefined` where they are none. */
export type Span = {
  traceId: string | undefined;
  spanId: string | undefined;
  parentSpanId: string | undefined;
  endedAt: Date | undefined;
  attributes: ReadonlyMap<string, AttributeValue>;
  /** What holds for the program that made it: `service.name`. */
  resource: ReadonlyMap<string, AttributeValue>;
};

export const protobufType = "application/x-protobuf";
export const jsonType = "application/json";

const traceIdBytes = 16;
const spanIdBytes = 8;

let loaded: protobuf.Root | undefined;

/** Throws `invalid_input` for bytes that are no request; in a request what is of no known shape is passed over. */
export function readSpans(bytes: Buffer, contentType: string): Span[] {
  const { resourceSpans = [] } = isProtobuf(contentType) ? decodeRequest(bytes) : parseRequest(bytes);
  if (!Array.isArray(resourceSpans)) throw new AppError("invalid_input", "resourceSpans is not a list");
  return asList(resourceSpans).flatMap((part) => {
    const { resource, scopeSpans } = asObject(part);
    const about = readAttributes(asObject(resource)["attributes"]);
    return asList(scopeSpans).flatMap((scope) =>
      asList(asObject(scope)["spans"]).map((span) => readSpan(asObject(span), about)),
    );
  });
}

/** Rejected are those that should have been booked; an answer without any says that all went well. */
export function writeAnswer(
  contentType: string,
  rejected: { count: number; reasons: readonly string[] },
): { contentType: string; body: Buffer } {
  const errorMessage = rejected.reasons.join("; ");
  const isWhole = rejected.count === 0 && errorMessage === "";
  if (isProtobuf(contentType)) {
    const answer = isWhole ? {} : { partialSuccess: { rejectedSpans: rejected.count, errorMessage } };
    return { contentType: protobufType, body: encode("ExportTraceServiceResponse", answer) };
  }
  // JSON of protobuf has 64-bit integers as text.
  const answer = isWhole ? {} : { partialSuccess: { rejectedSpans: String(rejected.count), errorMessage } };
  return { contentType: jsonType, body: Buffer.from(JSON.stringify(answer)) };
}

/** `google.rpc.Status`, as the protocol wants it for a request that failed. */
export function writeFailure(
  contentType: string,
  { code, message }: { code: number; message: string },
): { contentType: string; body: Buffer } {
  if (isProtobuf(contentType)) return { contentType: protobufType, body: encode("Status", { code, message }) };
  return { contentType: jsonType, body: Buffer.from(JSON.stringify({ code, message })) };
}

function isProtobuf(contentType: string): boolean {
  return contentType.toLowerCase().startsWith(protobufType);
}

function parseRequest(bytes: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return asObject(parsed);
  } catch (cause) {
    throw new AppError("invalid_input", "the body is not JSON", { cause });
  }
  throw new AppError("invalid_input", "the body is not a JSON object");
}

function decodeRequest(bytes: Buffer): Record<string, unknown> {
  try {
    const message = messageType("ExportTraceServiceRequest");
    return message.toObject(message.decode(bytes), { longs: Number });
  } catch (cause) {
    throw new AppError("invalid_input", "the body is not an ExportTraceServiceRequest in protobuf", { cause });
  }
}

function encode(type: string, content: Record<string, unknown>): Buffer {
  const message = messageType(type);
  return Buffer.from(message.encode(message.fromObject(content)).finish());
}

function messageType(name: string): protobuf.Type {
  loaded ??= protobuf.parse(readFileSync(new URL("otlp.proto", import.meta.url), "utf8")).root;
  return loaded.lookupType(name);
}

function readSpan(span: Record<string, unknown>, resource: Span["resource"]): Span {
  return {
    traceId: readId(span["traceId"], traceIdBytes),
    spanId: readId(span["spanId"], spanIdBytes),
    parentSpanId: readId(span["parentSpanId"], spanIdBytes),
    endedAt: readInstant(span["endTimeUnixNano"]) ?? readInstant(span["startTimeUnixNano"]),
    attributes: readAttributes(span["attributes"]),
    resource,
  };
}

/** Hex in JSON, bytes in protobuf; one that is all zeros or of another length is none. */
function readId(value: unknown, length: number): string | undefined {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value).toLowerCase();
  return text.length === 2 * length && /^[0-9a-f]+$/.test(text) && /[1-9a-f]/.test(text) ? text : undefined;
}

/** To the millisecond. A number of JSON is less exact than that only after the year 2255. */
function readInstant(nanoseconds: unknown): Date | undefined {
  const ms = Math.floor(Number(nanoseconds ?? 0) / 1e6);
  const instant = new Date(ms);
  return ms > 0 && !Number.isNaN(instant.getTime()) ? instant : undefined;
}

function readAttributes(list: unknown): Map<string, AttributeValue> {
  const attributes = new Map<string, AttributeValue>();
  for (const entry of asList(list)) {
    const { key, value } = asObject(entry);
    const read = readValue(asObject(value));
    if (typeof key === "string" && read !== undefined) attributes.set(key, read);
  }
  return attributes;
}

function readValue({
  stringValue,
  intValue,
  doubleValue,
  boolValue,
}: Record<string, unknown>): AttributeValue | undefined {
  if (typeof stringValue === "string") return stringValue;
  // Text in JSON, also where an exporter writes a double so.
  const number = intValue ?? doubleValue;
  if (typeof number === "number" || typeof number === "string") return Number(number);
  return typeof boolValue === "boolean" ? boolValue : undefined;
}
