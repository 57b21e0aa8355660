/** Prices that the operator states in leveredge.yaml: they go before the catalog, exactly as they stand. */
import { z } from "zod";

import { parseDecimal, perMillion, perThousand } from "./nanousd.ts";
import { complete, type Kind, type Level, type Rates } from "./rates.ts";

const amountExpected = "USD as a number or as text, not negative, with at most 9 decimals";
const amount = z
  .union(
    [
      z.number().min(0, { error: amountExpected, abort: true }).max(1_000_000, { error: amountExpected, abort: true }),
      z.string().regex(/^[0-9]{1,7}(\.[0-9]{1,9})?$/, { error: amountExpected, abort: true }),
    ],
    { error: amountExpected },
  )
  .refine((usd) => isExact(usd), { error: amountExpected });

const instantExpected = "a date such as 2026-01-31, or a time with an offset such as 2026-01-31T16:00:00Z";
const instant = z.union([z.iso.date(), z.iso.datetime({ offset: true })], { error: instantExpected });

const modelExpected = "a model's name, or the beginning of one with * at its end";
const text = z.string({ error: "some text" }).min(1, { error: "some text" });

export const PriceOverride = z
  .strictObject({
    model: z
      .string({ error: modelExpected })
      .regex(/^[^*\s][^*]*\*?$/, { error: modelExpected })
      .describe("A model's name as calls have it; with * at its end, all that begin so"),
    provider: text.optional().describe("Only calls that name this provider"),
    input: amount.describe("USD for a million tokens, as all that follow"),
    output: amount,
    cache_read: amount.optional().describe("Without it, as input"),
    cache_write_5m: amount.optional().describe("Without it, as input"),
    cache_write_1h: amount.optional().describe("Without it, as cache_write_5m"),
    audio_input: amount.optional().describe("Without it, as input"),
    audio_output: amount.optional().describe("Without it, as output"),
    web_search: amount.optional().describe("USD for a thousand searches; without it they cost nothing"),
    valid_from: instant.optional().describe("First instant at which it holds; a date begins at midnight UTC"),
    valid_to: instant.optional().describe("First instant at which it no longer holds"),
  })
  .refine(
    ({ valid_from: from, valid_to: to }) => from === undefined || to === undefined || Date.parse(from) < Date.parse(to),
    {
      error: "a valid_to after valid_from",
      path: ["valid_to"],
    },
  );
export type PriceOverride = z.output<typeof PriceOverride>;

export type OperatorPrice = {
  levels: readonly Level[];
  matches: (call: { model: string; provider?: string | undefined; at: Date }) => boolean;
};

/** The overrides as rates, the most specific first: an exact name, then the longest beginning; with a provider before without. */
export function readOverrides(overrides: readonly PriceOverride[]): OperatorPrice[] {
  return overrides
    .toSorted((a, b) => rank(b) - rank(a))
    .map((override) => {
      const name = override.model.toLowerCase();
      const beginning = name.endsWith("*") ? name.slice(0, -1) : undefined;
      const provider = override.provider?.toLowerCase();
      const [from, to] = period(override);
      return {
        levels: complete([{ above: -1, rates: readRates(override) }]),
        matches: (call) => {
          const model = call.model.toLowerCase();
          if (beginning === undefined ? model !== name : !model.startsWith(beginning)) return false;
          if (provider !== undefined && call.provider?.toLowerCase() !== provider) return false;
          const at = call.at.getTime();
          return at >= from && at < to;
        },
      };
    });
}

/** The first two overrides of the same model and provider that hold at the same time, as indices. */
export function findOverlap(overrides: readonly PriceOverride[]): [first: number, second: number] | undefined {
  for (const [second, override] of overrides.entries()) {
    const first = overrides.findIndex(
      (other, index) => index < second && isSame(other, override) && overlaps(other, override),
    );
    if (first >= 0) return [first, second];
  }
  return undefined;
}

function isSame(a: PriceOverride, b: PriceOverride): boolean {
  return a.model.toLowerCase() === b.model.toLowerCase() && a.provider?.toLowerCase() === b.provider?.toLowerCase();
}

function overlaps(a: PriceOverride, b: PriceOverride): boolean {
  const [aFrom, aTo] = period(a);
  const [bFrom, bTo] = period(b);
  return aFrom < bTo && bFrom < aTo;
}

function period({ valid_from: from, valid_to: to }: PriceOverride): [from: number, to: number] {
  return [from === undefined ? -Infinity : Date.parse(from), to === undefined ? Infinity : Date.parse(to)];
}

/** Beyond any length of a name, so that an exact one goes first. */
function rank({ model, provider }: PriceOverride): number {
  const length = model.endsWith("*") ? model.length : 1_000_000;
  return 2 * length + (provider === undefined ? 0 : 1);
}

function readRates(override: PriceOverride): Rates {
  const usd: [Kind, number | string | undefined][] = [
    ["input", override.input],
    ["output", override.output],
    ["cacheRead", override.cache_read],
    ["cacheWrite5m", override.cache_write_5m],
    ["cacheWrite1h", override.cache_write_1h],
    ["audioInput", override.audio_input],
    ["audioOutput", override.audio_output],
  ];
  const rates: Partial<Record<Kind, bigint>> = { webSearch: perThousand(override.web_search ?? 0) };
  for (const [kind, price] of usd) if (price !== undefined) rates[kind] = perMillion(price);
  return rates;
}

function isExact(usd: number | string): boolean {
  const fine = parseDecimal(String(usd), 30);
  return fine !== undefined && fine % 10n ** 21n === 0n;
}
