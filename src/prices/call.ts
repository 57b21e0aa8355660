/** What is priced: one call of a language model, with its counts. */

/**
 * The counts of one call: whole and not negative. They are inclusive, as OpenTelemetry
 * has it: input holds the tokens read from and written to the cache and those of audio,
 * output holds reasoning and audio.
 */
export type Tokens = {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens?: number | undefined;
  cacheWrite5mTokens?: number | undefined;
  cacheWrite1hTokens?: number | undefined;
  reasoningTokens?: number | undefined;
  audioInputTokens?: number | undefined;
  audioOutputTokens?: number | undefined;
  webSearches?: number | undefined;
};

export type PricedCall = Tokens & {
  /** As the provider's answer says it; `openai/gpt-4o` and `models/gemini-2.5-pro` are understood. */
  model: string;
  /** As the catalog knows it; without one the model says which. */
  provider?: string | undefined;
  /** When the call was made: prices change by date and by time of day. */
  at: Date;
  /** What the answer says was used: `priority`, `flex`, `batch`, `fast`; without one the standard. */
  serviceTier?: string | undefined;
  /** Where the model ran, when that was chosen: `us`, `eu`, a cloud's region; without one and for `global` the standard. */
  region?: string | undefined;
  /** Decimal text: what OpenRouter's answer says it charged. */
  providerCostUsd?: string | undefined;
};

/** Names parts that are larger than their whole, in the words of the wire; undefined when all fit. */
export function findExcess(tokens: Tokens): string | undefined {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWrite5mTokens = 0, cacheWrite1hTokens = 0 } = tokens;
  const { reasoningTokens = 0, audioInputTokens = 0, audioOutputTokens = 0 } = tokens;
  const cached = cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens;
  if (cached > inputTokens) return describe("cache_read_tokens with cache writes", cached, "input_tokens", inputTokens);
  if (audioInputTokens > inputTokens) {
    return describe("audio_input_tokens", audioInputTokens, "input_tokens", inputTokens);
  }
  const outputParts = reasoningTokens + audioOutputTokens;
  if (outputParts <= outputTokens) return undefined;
  return describe("reasoning_tokens with audio_output_tokens", outputParts, "output_tokens", outputTokens);
}

function describe(parts: string, size: number, whole: string, wholeSize: number): string {
  return `${parts} (${size}) are more than ${whole} (${wholeSize})`;
}
