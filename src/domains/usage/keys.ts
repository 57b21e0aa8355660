/**
 * By which ids a call that is told twice is recognised. Each id is one row of
 * `llm_usage_key`; a call is new when none of its own is known.
 */
import { hash } from "node:crypto";

import type { Call, UsageEnvironment } from "./schema.ts";

/** Local servers count from one or repeat themselves: a short id of an answer says nothing. */
const shortestResponseId = 16;

/** 32 hex digits each: half a SHA-256. Empty when nothing says which call it is. */
export function listKeys(call: Call, environment: UsageEnvironment): string[] {
  const { response_id: responseId, trace_id: traceId, span_id: spanId, idempotency_key: idempotencyKey } = call;
  const keys: string[] = [];
  if (responseId != null && responseId.length >= shortestResponseId) {
    keys.push(digest(`response\0${call.provider?.toLowerCase() ?? ""}\0${responseId}`));
  }
  if (traceId != null && spanId != null) keys.push(digest(`span\0${traceId}\0${spanId}`));
  // What a program counts for itself is another call with another agent.
  if (idempotencyKey != null) keys.push(digest(`idempotency\0${environment}\0${call.agent_name}\0${idempotencyKey}`));
  return keys;
}

/** Of the kind of id and its parts, with a NUL between, which none of them has. */
function digest(parts: string): string {
  return hash("sha256", parts, "hex").slice(0, 32);
}
