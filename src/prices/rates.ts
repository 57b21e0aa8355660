/**
 * What each kind of token of a model costs, and what a call's tokens come to. The kinds
 * part a call completely: every token is in one of them and is paid once.
 */
import type { Tokens } from "./call.ts";

/** Ways in which a token, a search or a request is paid. */
export const kinds = [
  "input",
  "cacheRead",
  "cacheWrite5m",
  "cacheWrite1h",
  "audioInput",
  "audioCacheRead",
  "output",
  "reasoning",
  "audioOutput",
  "webSearch",
  "request",
] as const;
export type Kind = (typeof kinds)[number];

/** What is a token: service tiers and regions change the price of these alone. */
export const tokenKinds: ReadonlySet<Kind> = new Set(
  kinds.filter((kind) => kind !== "webSearch" && kind !== "request"),
);

/** Attodollars for one of each kind; a kind that is missing has no price of its own. */
export type Rates = Readonly<Partial<Record<Kind, bigint>>>;

/** The rates of calls whose input is more than `above` tokens; the first level is above -1. The whole call is paid at one level. */
export type Level = { above: number; rates: Rates };

/** A kind without a price of its own is paid as this one. */
const paidAs: Partial<Record<Kind, Kind>> = {
  cacheRead: "input",
  cacheWrite5m: "input",
  cacheWrite1h: "cacheWrite5m",
  audioInput: "input",
  audioCacheRead: "cacheRead",
  reasoning: "output",
  audioOutput: "output",
};

export type Sum = { attousd: bigint; /** What was used and has no price. */ missing: readonly Kind[] };

/** Sums up a call at levels that are complete. The order of the kinds does not matter: nothing is rounded. */
export function sumUp(tokens: Tokens, levels: readonly Level[]): Sum {
  const rates = levels.findLast(({ above }) => tokens.inputTokens > above)?.rates ?? {};
  const counts = part(tokens);
  let attousd = 0n;
  let missing: readonly Kind[] = [];
  for (const kind of kinds) {
    const count = counts[kind];
    if (count === 0) continue;
    const rate = rates[kind];
    if (rate !== undefined) attousd += BigInt(count) * rate;
    else if (kind !== "request") missing = [...missing, kind];
  }
  return { attousd, missing };
}

/** The same levels, with a rate for each kind that is paid as another. */
export function complete(levels: readonly Level[]): Level[] {
  return levels.map(({ above, rates }) => {
    const all: Partial<Record<Kind, bigint>> = {};
    for (const kind of kinds) {
      const rate = findRate(rates, kind);
      if (rate !== undefined) all[kind] = rate;
    }
    return { above, rates: all };
  });
}

/** The rate of a kind, or that of the kind that it is paid as. */
function findRate(rates: Rates, kind: Kind): bigint | undefined {
  const own = rates[kind];
  if (own !== undefined) return own;
  const other = paidAs[kind];
  return other === undefined ? undefined : findRate(rates, other);
}

/**
 * Providers do not say which of the cached tokens are audio. Cached tokens and those of
 * audio are taken for different ones as far as the input has room; what does not fit is both.
 */
function part(tokens: Tokens): Record<Kind, number> {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWrite5mTokens = 0, cacheWrite1hTokens = 0 } = tokens;
  const { reasoningTokens = 0, audioInputTokens = 0, audioOutputTokens = 0, webSearches = 0 } = tokens;
  const rest = inputTokens - cacheReadTokens - cacheWrite5mTokens - cacheWrite1hTokens - audioInputTokens;
  const shared = Math.max(-rest, 0);
  const audioCacheRead = Math.min(shared, cacheReadTokens);
  return {
    input: Math.max(rest, 0),
    cacheRead: cacheReadTokens - audioCacheRead,
    cacheWrite5m: cacheWrite5mTokens,
    cacheWrite1h: cacheWrite1hTokens,
    audioInput: audioInputTokens - shared,
    audioCacheRead,
    output: outputTokens - reasoningTokens - audioOutputTokens,
    reasoning: reasoningTokens,
    audioOutput: audioOutputTokens,
    webSearch: webSearches,
    request: 1,
  };
}
