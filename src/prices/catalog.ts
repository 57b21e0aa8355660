/**
 * The prices of @pydantic/genai-prices: which row holds for a model of a provider at a
 * time. The library finds the row; the arithmetic is ours, since its own is in floats.
 */
import { calcPrice, type ModelPrice } from "@pydantic/genai-prices";

import { perMillion, perThousand } from "./nanousd.ts";
import { tokenKinds, type Kind, type Level } from "./rates.ts";

/** What a cost says that comes from here. */
export const catalogVersion = "genai-prices 0.1.8";

/** Every boundary of the catalog in time falls on one of these (tested): within one, a row does not change. */
export const slotMs = 30 * 60_000;

export type CatalogRow = {
  /** The catalog's own names. */
  provider: string;
  model: string;
  levels: readonly Level[];
  /** The model has other prices at other times. */
  isDated: boolean;
  /** The catalog lists it and asks nothing for it. */
  isFree: boolean;
  /** Units that are paid and that no call of ours counts: `audio_hours`. */
  uncounted: readonly string[];
};

const kindOfKey: Record<string, Kind> = {
  input_mtok: "input",
  cache_read_mtok: "cacheRead",
  cache_write_mtok: "cacheWrite5m",
  cache_write_1h_mtok: "cacheWrite1h",
  input_audio_mtok: "audioInput",
  cache_audio_read_mtok: "audioCacheRead",
  output_mtok: "output",
  output_reasoning_mtok: "reasoning",
  output_audio_mtok: "audioOutput",
  web_searches_kcount: "webSearch",
  requests_kcount: "request",
};

/** Models that make images or videos are paid as if all of their output were: calls do not count them apart. */
const madeKeys = ["output_image_mtok", "output_video_mtok"];

/** The row of a model, or undefined when the catalog does not know it. */
export function findRow(provider: string | undefined, model: string, at: Date): CatalogRow | undefined {
  for (const [providerId, name] of listNames(provider, model)) {
    const found = calcPrice({}, name, { timestamp: at, ...(providerId === undefined ? {} : { providerId }) });
    if (found === null) continue;
    const keys = Object.keys(found.model_price);
    return {
      provider: found.provider.id,
      model: found.model.id,
      levels: readLevels(found.model_price),
      isDated: Array.isArray(found.model.prices),
      isFree: keys.length === 0,
      uncounted: keys.filter((key) => !(key in kindOfKey)).map((key) => key.replace(/_(mtok|kcount|kpages)$/, "")),
    };
  }
  return undefined;
}

/** Whether the row says what a token costs. */
export function pricesTokens(row: CatalogRow): boolean {
  return row.levels.some(({ rates }) => [...tokenKinds].some((kind) => rates[kind] !== undefined));
}

/** `openai/gpt-4o` is the model gpt-4o of openai for everybody but those that name models so themselves. */
function listNames(provider: string | undefined, model: string): [string | undefined, string][] {
  const name = model.trim().replace(/^models\//, "");
  const slash = name.indexOf("/");
  if (slash <= 0) return [[provider, name]];
  return [
    [provider, name],
    [provider ?? name.slice(0, slash), name.slice(slash + 1)],
  ];
}

function readLevels(prices: ModelPrice): Level[] {
  const starts = Object.values(prices).flatMap((price) =>
    typeof price === "object" ? price.tiers.map(({ start }) => start) : [],
  );
  const bounds = [-1, ...[...new Set(starts)].toSorted((a, b) => a - b)];
  return bounds.map((above) => ({ above, rates: readRates(prices, above) }));
}

function readRates(prices: ModelPrice, above: number): Partial<Record<Kind, bigint>> {
  const rates: Partial<Record<Kind, bigint>> = {};
  for (const [key, price] of Object.entries(prices)) {
    const kind = madeKeys.includes(key) ? "output" : kindOfKey[key];
    if (kind === undefined || price === undefined) continue;
    const usd = typeof price === "number" ? price : priceAt(price, above);
    const rate = key.endsWith("_kcount") ? perThousand(usd) : perMillion(usd);
    const known = rates[kind];
    if (known === undefined || rate > known) rates[kind] = rate;
  }
  return rates;
}

function priceAt({ base, tiers }: { base: number; tiers: { start: number; price: number }[] }, above: number): number {
  const reached = tiers.filter(({ start }) => start <= above).toSorted((a, b) => a.start - b.start);
  return reached.at(-1)?.price ?? base;
}
