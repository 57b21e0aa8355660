/**
 * Where the catalog lacks a price that a provider publishes, or has one that the provider
 * has changed since. USD for a million tokens, for searches for a thousand.
 */
import type { CatalogRow } from "./catalog.ts";
import { perMillion, perThousand } from "./nanousd.ts";
import { tokenKinds, type Kind, type Level, type Rates } from "./rates.ts";

type Correction = {
  provider: string;
  /** Matches the name that was asked for. */
  model: RegExp;
  from?: string;
  /** Only in DeepSeek's peak hours. */
  isPeak?: true;
  /** The rates are those of calls with more input than this. */
  above?: number;
  rates: Partial<Record<Kind, number>>;
};

/**
 * Later ones win. "LiteLLM" is its model_prices_and_context_window.json of 2026-08-01; all
 * were looked up on 2026-11-23.
 */
const corrections: readonly Correction[] = [
  // LiteLLM, as OpenAI's page has it.
  { provider: "openai", model: /^gpt-4o-audio-preview/, rates: { audioInput: 40, audioOutput: 80 } },
  { provider: "openai", model: /^gpt-4o-mini-audio-preview/, rates: { audioInput: 10, audioOutput: 20 } },
  // The default size of context: LiteLLM has 30, 35 and 50 by size (OpenRouter 35), and 25, 27.5 and 30 for mini.
  // The catalog has none for the first and 10 for mini.
  { provider: "openai", model: /^gpt-4o-search-preview/, rates: { webSearch: 35 } },
  { provider: "openai", model: /^gpt-4o-mini-search-preview/, rates: { webSearch: 27.5 } },
  // Grounding: ai.google.dev/gemini-api/docs/pricing. Sources disagree on 2.5 Flash: ai-sdk-cost-calculator (2026-01)
  // has 14, the page 35 for all of Gemini 2. Free allowances belong to an account and are not known here.
  { provider: "google", model: /^gemini-[12]/, rates: { webSearch: 35 } },
  { provider: "google", model: /^gemini-[3-9]/, rates: { webSearch: 14 } },
  // Sonnet 4 with a million tokens of context: LiteLLM.
  {
    provider: "anthropic",
    model: /^claude-(sonnet-4(-0|-2025|@|$)|4-sonnet)/,
    above: 200_000,
    rates: { input: 6, cacheRead: 0.6, cacheWrite5m: 7.5, cacheWrite1h: 12, output: 22.5 },
  },
  // The catalog has the night discount of V3, which ended when V3.1 got its prices (api-docs.deepseek.com, news of
  // 2025-08-21 and 2025-09-29, whose hour is not said). LiteLLM has the second. What the names cost since V4 is not known.
  {
    provider: "deepseek",
    model: /^deepseek-(chat|reasoner)/,
    from: "2025-09-05T16:00:00Z",
    rates: { input: 0.56, cacheRead: 0.07, output: 1.68 },
  },
  {
    provider: "deepseek",
    model: /^deepseek-(chat|reasoner)/,
    from: "2025-09-29T00:00:00Z",
    rates: { input: 0.28, cacheRead: 0.028, output: 0.42 },
  },
  // api-docs.deepseek.com/quick_start/pricing as of 2026-10; V4-Flash is served as deepseek-flash and paid so.
  {
    provider: "deepseek",
    model: /^deepseek-(v4-)?flash/,
    from: "2026-09-10T04:00:00Z",
    rates: { input: 0.15, cacheRead: 0.003, output: 0.6 },
  },
  {
    provider: "deepseek",
    model: /^deepseek-(v4-)?flash/,
    from: "2026-09-10T04:00:00Z",
    isPeak: true,
    rates: { input: 0.3, cacheRead: 0.006, output: 1.2 },
  },
];

/**
 * "Prompts with >272K input tokens are priced at 2x input and 1.5x output for the full request"
 * (developers.openai.com/api/docs/models/gpt-5.4). The catalog reads the "<272K" of the price
 * table and lets it begin at 272,000 for models before GPT-6.
 */
const catalogStart = 271_999;
const publishedStart = 272_000;

const peakSince = new Date("2026-08-16T16:00:00Z");

/** The name under which the catalog knows a model. */
export function catalogName(model: string): string {
  return model.replace(/^(deepseek\/)?deepseek-flash/i, "$1deepseek-v4-flash");
}

/**
 * The time to look a row up at. DeepSeek's V4 has peak hours since `peakSince` and on weekdays
 * alone; the catalog has them every day and for ever. China's public holidays, which have no
 * peak either, are not known here.
 */
export function catalogTime(model: string, at: Date): Date {
  if (!/^(deepseek\/)?deepseek-(v4|flash)/i.test(model)) return at;
  const isBetween = at >= peakSince && at < new Date("2026-08-17T00:00:00Z");
  if (isBetween) return new Date("2026-08-17T12:00:00Z");
  return isPeak(at) ? at : new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), 12));
}

/** Whether a correction of the model holds at some times and not at others. */
export function hasDatedCorrection(row: CatalogRow, asked: string): boolean {
  return listCorrections(row, asked).some(({ from }) => from !== undefined);
}

/** The row as the provider prices it, and whether that is other than in the catalog. */
export function correct(row: CatalogRow, asked: string, at: Date): { levels: readonly Level[]; isCorrected: boolean } {
  let { levels } = row;
  for (const { above, rates, from, isPeak: onlyPeak } of listCorrections(row, asked)) {
    if ((from !== undefined && at < new Date(from)) || (onlyPeak === true && !isPeak(at))) continue;
    levels = above === undefined ? replace(levels, rates) : extend(levels, above, rates);
  }
  levels = priceHourLongWrites(levels, bareName(asked));
  if (levels.some(({ above }) => above === catalogStart)) {
    levels = levels.map((level) => (level.above === catalogStart ? { ...level, above: publishedStart } : level));
  }
  return { levels, isCorrected: levels !== row.levels };
}

function listCorrections(row: CatalogRow, asked: string): Correction[] {
  const name = bareName(asked);
  return corrections.filter(({ provider, model }) => provider === row.provider && model.test(name));
}

function bareName(asked: string): string {
  return (asked.split("/").at(-1) ?? asked).toLowerCase();
}

/**
 * Claude's cache for an hour costs twice the input wherever it is sold
 * (platform.claude.com/docs/en/build-with-claude/prompt-caching); the catalog says so for Anthropic alone.
 */
function priceHourLongWrites(levels: readonly Level[], name: string): readonly Level[] {
  const isMissing = levels.some(({ rates }) => rates.cacheWrite5m !== undefined && rates.cacheWrite1h === undefined);
  if (!name.includes("claude") || !isMissing) return levels;
  return levels.map(({ above, rates }) => ({
    above,
    rates: rates.input === undefined ? rates : { ...rates, cacheWrite1h: 2n * rates.input },
  }));
}

function replace(levels: readonly Level[], usd: Partial<Record<Kind, number>>): Level[] {
  const rates = toRates(usd);
  return levels.map((level) => ({ above: level.above, rates: { ...level.rates, ...rates } }));
}

function extend(levels: readonly Level[], above: number, usd: Partial<Record<Kind, number>>): Level[] {
  return [...levels, { above, rates: { ...levels.at(-1)?.rates, ...toRates(usd) } }];
}

function toRates(usd: Partial<Record<Kind, number>>): Rates {
  const rates: Partial<Record<Kind, bigint>> = {};
  for (const [key, amount] of Object.entries(usd)) {
    // Object.entries of a record of kinds has kinds as keys.
    const kind = key as Kind;
    rates[kind] = tokenKinds.has(kind) ? perMillion(amount) : perThousand(amount);
  }
  return rates;
}

/** 01:00 to 04:00 and 06:00 to 10:00 UTC, Monday to Friday. */
function isPeak(at: Date): boolean {
  const hour = at.getUTCHours();
  const isWeekday = at.getUTCDay() % 6 !== 0;
  return at >= peakSince && isWeekday && ((hour >= 1 && hour < 4) || (hour >= 6 && hour < 10));
}
