/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-22). */
import { once } from "node:events";
import type { ServerResponse } from "node:http";

import type { ServerSentEvent } from "./route.ts";

/** Writes events until the source ends, the reader goes or the signal comes; a slow reader slows the source. */
export async function writeEvents(
  response: ServerResponse,
  events: AsyncIterable<ServerSentEvent>,
  options: {
    headers: Record<string, string>;
    signal: AbortSignal;
    heartbeatMs: number;
    /** Asked at each heartbeat: a token that is revoked ends its streams. */
    isStillAllowed(): Promise<boolean>;
    onFault(error: unknown): void;
  },
): Promise<void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  response.writeHead(200, {
    ...options.headers,
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    // A proxy must not keep them back.
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const heartbeat = setInterval(() => {
    response.write(": still here\n\n");
    options.isStillAllowed().then(
      (isAllowed) => void (isAllowed || ended.abort()),
      () => ended.abort(),
    );
  }, options.heartbeatMs);
  const end = (): void => {
    clearInterval(heartbeat);
    response.end();
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    for await (const event of events) {
      if (signal.aborted || response.destroyed) break;
      if (!response.write(formatEvent(event))) await once(response, "drain", { signal });
    }
  } catch (error) {
    // A reader that went away is no fault; the source's own faults are.
    if (!signal.aborted) options.onFault(error);
  } finally {
    end();
  }
}

/** JSON has no line breaks of its own, so that each event is a few lines. */
export function formatEvent({ id, event, data }: ServerSentEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    ...(event === undefined ? [] : [`event: ${oneLine(event)}`]),
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.join("\n")}\n\n`;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, " ");
}
