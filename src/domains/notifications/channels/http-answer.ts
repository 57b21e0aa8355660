/** What an HTTP answer, or none, means for a message: the same for every channel that has no finer word. */
import { AppError } from "#errors.ts";
import type { Outbound, OutboundRequest, OutboundResponse } from "#outbound/outbound.ts";
import { redact } from "#secrets/redact.ts";

import type { SendResult } from "./channel.ts";

const shownCharacters = 200;

/** Asks, and answers the response or what its absence means. */
export async function ask(
  outbound: Outbound,
  request: OutboundRequest,
): Promise<OutboundResponse | Exclude<SendResult, { state: "sent" }>> {
  try {
    return await outbound.request(request);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const why = [error.message, error.hint].filter((part) => part !== undefined).join("; ");
    // An address that may not be called stays so until the configuration changes.
    return error.code === "invalid_input" ? { state: "blocked", why } : { state: "retry", why };
  }
}

/** A status as a result: success, worth another try (408, 425, 429, 5xx), a channel that is wrong (401, 404, 410, redirects), or final. */
export function judgeStatus(
  service: string,
  { status, headers, body }: OutboundResponse,
  secrets: readonly string[] = [],
): SendResult {
  if (status >= 200 && status < 300) return { state: "sent" };
  const said = describeBody(body, secrets);
  const why = `${service} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status === 429) return { state: "retry", why, retryAfterMs: readRetryAfter(headers["retry-after"]) };
  if (status === 408 || status === 425 || status >= 500) {
    return { state: "retry", why, retryAfterMs: readRetryAfter(headers["retry-after"]) };
  }
  if (status >= 300 && status < 400) {
    return { state: "blocked", why: `${service} answered ${status}, a redirect: write the address it leads to` };
  }
  return { state: [401, 404, 410].includes(status) ? "blocked" : "permanent", why };
}

/** `Retry-After` in seconds or as a date; undefined when it says neither. */
export function readRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value.trim())) return Math.ceil(Number(value) * 1000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** The answer's beginning on one line, without the secrets of the request. */
export function describeBody(body: string, secrets: readonly string[] = []): string {
  const bare = secrets
    .filter((secret) => secret !== "")
    .reduce((text, secret) => text.replaceAll(secret, "[secret]"), body);
  return redact(bare).replace(/\s+/g, " ").trim().slice(0, shownCharacters);
}

/** What of a URL that is a secret itself may come back: all of it, its path, the path's last part. */
export function listUrlSecrets(url: string): string[] {
  if (!URL.canParse(url)) return [url];
  const { pathname } = new URL(url);
  return [url, pathname, pathname.split("/").at(-1) ?? ""].filter((part) => part.length > 1);
}

/** The body as a JSON object; empty when it is none. */
export function readJson(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : {};
  } catch {
    // A proxy's error page is no JSON: the status says enough.
    return {};
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
