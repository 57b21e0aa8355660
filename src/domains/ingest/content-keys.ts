/**
 * Ids for calls that came without one, made of what the call says, wherever it lies: the
 * same file told again, or one that has more lines, books nothing twice. Of equal calls the second one
 * is another.
 */
import { createHash } from "node:crypto";

import type { Call } from "#domains/usage/usage.ts";

/** Of one file or table: it remembers how often it saw a content. */
export function createContentKeys(): (call: Call) => Call {
  const seen = new Map<string, number>();
  return (call) => {
    if (call.idempotency_key) return call;
    const said = Object.entries(call)
      .filter(([name, value]) => name !== "environment" && value !== null && value !== undefined)
      .toSorted(([one], [other]) => (one < other ? -1 : 1));
    const content = createHash("sha256").update(JSON.stringify(said)).digest("base64url").slice(0, 24);
    const times = (seen.get(content) ?? 0) + 1;
    seen.set(content, times);
    return { ...call, idempotency_key: `content:${content}:${times}` };
  };
}
