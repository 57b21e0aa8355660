/** What a call becomes in the ledger: its time as we believe it, its price, its keys. Pure but for the prices it remembers. */
import { findExcess, type PricedCall } from "#prices/call.ts";
import { parseDecimal } from "#prices/nanousd.ts";
import type { Price, PriceList } from "#prices/price.ts";

import { listKeys } from "./keys.ts";
import type { Call, Receipt, UsageEnvironment } from "./schema.ts";

/** A call that is ready to be written. Instants are microseconds since 1970. */
export type Entry = {
  call: Call;
  environment: UsageEnvironment;
  source: string;
  createdAtUs: number;
  claimedAtUs: number | null;
  price: Price;
  providerCostNanousd: bigint | null;
  clientCostNanousd: bigint | null;
  tags: string | null;
  keys: readonly string[];
  notes: readonly string[];
  sizeBytes: number;
};

export type Origin = {
  /** By which way it came: `api`, `postgrest`, `otlp`, `import`. */
  source: string;
  /** Of calls that name none. */
  environment: UsageEnvironment;
  /** None is booked when one of them cannot be; those that could have no reason. */
  isWhole?: true;
};

/** What a clock may be ahead of ours. */
const aheadMs = 5 * 60_000;
const earliestMs = Date.UTC(2020);
const costLimitNanousd = 10n ** 18n;
/** Of an entry without its texts. */
const plainBytes = 600;

/** The entry, or why the ledger does not take the call. */
export function toEntry(
  call: Call,
  origin: Origin,
  { now, prices }: { now: Date; prices: PriceList },
): Entry | (Receipt & { state: "rejected" }) {
  const time = placeInTime(call.created_at, now);
  const priced = toPricedCall(call, time.createdAtUs);
  const excess = findExcess(priced);
  if (excess !== undefined) return { state: "rejected", reason: excess };
  const price = prices.price(priced);
  if (price.costNanousd !== null && price.costNanousd >= costLimitNanousd) {
    return { state: "rejected", reason: "the call would cost a billion USD or more" };
  }
  const environment = call.environment ?? origin.environment;
  const tags = call.tags == null || Object.keys(call.tags).length === 0 ? null : JSON.stringify(call.tags);
  return {
    call,
    environment,
    source: origin.source,
    createdAtUs: time.createdAtUs,
    claimedAtUs: time.claimedAtUs,
    price,
    providerCostNanousd: readAmount(call.provider_cost_usd),
    clientCostNanousd: readAmount(call.estimated_cost_usd),
    tags,
    keys: listKeys(call, environment),
    notes: [...time.notes, ...(price.source === "unpriced" ? price.notes : [])],
    sizeBytes: plainBytes + 2 * ((call.context?.length ?? 0) + (tags?.length ?? 0)),
  };
}

function toPricedCall(call: Call, createdAtUs: number): PricedCall {
  return {
    model: call.model,
    provider: call.provider ?? undefined,
    at: new Date(createdAtUs / 1000),
    serviceTier: call.service_tier ?? undefined,
    region: call.region ?? undefined,
    providerCostUsd: call.provider_cost_usd ?? undefined,
    inputTokens: call.input_tokens,
    outputTokens: call.output_tokens,
    cacheReadTokens: call.cache_read_tokens ?? undefined,
    cacheWrite5mTokens: call.cache_write_5m_tokens ?? undefined,
    cacheWrite1hTokens: call.cache_write_1h_tokens ?? undefined,
    reasoningTokens: call.reasoning_tokens ?? undefined,
    audioInputTokens: call.audio_input_tokens ?? undefined,
    audioOutputTokens: call.audio_output_tokens ?? undefined,
    webSearches: call.web_searches ?? undefined,
  };
}

/** A time that cannot have been is kept as claimed, and the call is booked now. */
function placeInTime(
  createdAt: string | null | undefined,
  now: Date,
): Pick<Entry, "createdAtUs" | "claimedAtUs" | "notes"> {
  const nowMs = now.getTime();
  if (createdAt == null) return { createdAtUs: nowMs * 1000, claimedAtUs: null, notes: [] };
  const claimedAtUs = parseMicroseconds(createdAt);
  const claimedMs = claimedAtUs / 1000;
  if (claimedMs >= earliestMs && claimedMs <= nowMs + aheadMs) {
    return { createdAtUs: claimedAtUs, claimedAtUs: null, notes: [] };
  }
  const notes = [`created_at ${createdAt} cannot have been: booked at ${now.toISOString()}`];
  return { createdAtUs: nowMs * 1000, claimedAtUs, notes };
}

const plainInstant = "2020-01-01T00:00:00.000Z";

/** `Date` knows milliseconds; the digits after those are added. */
function parseMicroseconds(instant: string): number {
  const us = Date.parse(instant) * 1000;
  if (instant.length <= plainInstant.length) return us;
  const [, further = ""] = /\.\d{3}(\d{1,3})/.exec(instant) ?? [];
  return us + Number(further.padEnd(3, "0"));
}

function readAmount(usd: string | null | undefined): bigint | null {
  return usd == null ? null : (parseDecimal(usd, 9) ?? null);
}
