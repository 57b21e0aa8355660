/** One `POST /usage`, and what its answer means for the calls in it. */
import { type Problem } from "./call.ts";
import { asCount, asList, asObject, asText, parseJson } from "./json.ts";
import { type Fetch } from "./track.ts";

export type Destination = {
  /** Of `POST /usage`. */
  address: string;
  token: string;
  fetch: Fetch;
  timeoutMs: number;
};

export type Rejection = { index: number; reason: string };

export type Outcome =
  /** All were taken, or refused for good one by one. */
  | { kind: "answered"; rejected: Rejection[] }
  /** Not one by one: in smaller parts it may be taken, and a single call is refused for good. */
  | { kind: "refused_whole"; reason: string }
  /** Not now: the calls stay. */
  | { kind: "failed"; problem: Problem; retryAfterMs: number | undefined };

/** Each line is one call as JSON. Never throws; never puts the token anywhere but in its header. */
export async function deliver(lines: readonly string[], destination: Destination): Promise<Outcome> {
  try {
    const response = await destination.fetch(destination.address, {
      method: "POST",
      headers: { authorization: `Bearer ${destination.token}`, "content-type": "application/json" },
      body: `{"calls":[${lines.join(",")}]}`,
      redirect: "error",
      signal: AbortSignal.timeout(destination.timeoutMs),
    });
    return judge(response, await response.text(), lines.length);
  } catch (cause) {
    return fail("unreachable", "the usage server cannot be reached; calls are kept", { cause });
  }
}

function judge(response: Response, text: string, sent: number): Outcome {
  const { status } = response;
  const body = asObject(parseJson(text));
  if (status === 200 || status === 422) {
    const receipts = asList(body["receipts"]).map(asObject);
    if (receipts.length === sent) return { kind: "answered", rejected: receipts.flatMap(readRejection) };
    if (status === 200) return fail("unreachable", "the usage server answered without receipts; calls are kept");
  }
  if (status === 400 || status === 413 || status === 422) {
    return { kind: "refused_whole", reason: asText(asObject(body["error"])["message"]) ?? `status ${status}` };
  }
  const retryAfterMs = readRetryAfter(response.headers.get("retry-after"));
  if (status === 401 || status === 403 || status === 404) {
    const remedy = status === 404 ? "the address" : "the token";
    return fail("refused", `the usage server answered ${status}; check ${remedy}; calls are kept`, { retryAfterMs });
  }
  return fail("unreachable", `the usage server answered ${status}; calls are kept`, { retryAfterMs });
}

function readRejection(receipt: Record<string, unknown>): Rejection[] {
  const index = asCount(receipt["index"]);
  if (receipt["state"] !== "rejected" || index === undefined) return [];
  return [{ index, reason: asText(receipt["reason"]) ?? "no reason given" }];
}

/** Seconds or a date; undefined when it is neither. */
function readRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function fail(
  kind: "unreachable" | "refused",
  message: string,
  { cause, retryAfterMs }: { cause?: unknown; retryAfterMs?: number | undefined } = {},
): Outcome {
  return { kind: "failed", problem: { kind, message, ...(cause === undefined ? {} : { cause }) }, retryAfterMs };
}
