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
    keys.push(digest("response", call.provider?.toLowerCase() ?? "", responseId));
  }
  if (traceId != null && spanId != null) keys.push(digest("span", traceId, spanId));
  // What a program counts for itself is another call with another agent.
  if (idempotencyKey != null) keys.push(digest("idempotency", environment, call.agent_name, idempotencyKey));
  return keys;
}

function digest(...parts: [kind: string, ...rest: string[]]): string {
  return hash("sha256", parts.join("\0"), "hex").slice(0, 32);
}
