/**
 * What a service tier and a region make of a model's token prices. The catalog has the
 * standard alone. Factors are exact fractions of the standard rate; searches and requests
 * cost the same everywhere. Read 2026-11-23.
 */

/** When these tables were last compared with their sources. */
export const tiersVersion = "tiers 2026-11-23";

export type Factor = readonly [numerator: bigint, denominator: bigint];

type Rule = {
  provider: string;
  tiers: readonly string[];
  /** Matches the catalog's name of the model. */
  model: RegExp;
  factor: Factor;
};

const any = /^/;
const half: Factor = [1n, 2n];
const double: Factor = [2n, 1n];

const tierRules: readonly Rule[] = [
  // developers.openai.com/api/docs/pricing, Batch and Flex: half, in LiteLLM (model_prices_and_context_window.json of
  // 2026-08-01) of cached input and cache writes too.
  { provider: "openai", tiers: ["batch", "flex"], model: any, factor: half },
  { provider: "azure", tiers: ["batch"], model: any, factor: half },

  // openai.com/api-fast-mode ("Priority processing was renamed Fast mode on July 30, 2026"), before that
  // openai.com/api-priority-processing; what these list no more, LiteLLM. Input, cached input and output of a model
  // share one factor. GPT-6 as vercel.com/ai-gateway lists Astra and Luna.
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-(5\.6|6)-/, factor: double },
  // 12.50, 1.25 and 75 on both pages of OpenAI; LiteLLM has 10, 1 and 60.
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-5\.5$/, factor: [5n, 2n] },
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-5(\.[124])?$/, factor: double },
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-5\.(3-codex|4-mini)$/, factor: double },
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-5(-mini|\.1-codex-mini)$/, factor: [9n, 5n] },
  { provider: "openai", tiers: ["priority", "fast"], model: /^(gpt-4\.1(-mini)?|o3)$/, factor: [7n, 4n] },
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-4\.1-nano$/, factor: double },
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-4o$/, factor: [17n, 10n] },
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-4o-2024-05-13$/, factor: [7n, 4n] },
  { provider: "openai", tiers: ["priority", "fast"], model: /^gpt-4o-mini$/, factor: [5n, 3n] },
  { provider: "openai", tiers: ["priority", "fast"], model: /^o4-mini$/, factor: [20n, 11n] },

  // platform.claude.com/docs/en/about-claude/pricing, "Batch processing".
  { provider: "anthropic", tiers: ["batch"], model: any, factor: half },
  // A committed capacity: paid by contract, listed at the standard rates.
  { provider: "anthropic", tiers: ["priority"], model: any, factor: [1n, 1n] },
  // platform.claude.com/docs/en/build-with-claude/fast-mode: on top of the cache's and long context's prices. Later models
  // as OpenRouter (in the catalog) and, for Opus 5.5, vercel.com/ai-gateway list them.
  { provider: "anthropic", tiers: ["fast"], model: /^claude-opus-4-[67]$/, factor: [6n, 1n] },
  { provider: "anthropic", tiers: ["fast"], model: /^claude-opus-(4-8|5|5-5)$/, factor: double },

  // ai.google.dev/gemini-api/docs/optimization: half; priority 75 to 100 % more, which docs.llmgateway.io makes 80 %
  // for every model.
  { provider: "google", tiers: ["batch", "flex"], model: /^gemini/, factor: half },
  { provider: "google", tiers: ["batch"], model: /^claude/, factor: half },
  { provider: "google", tiers: ["priority"], model: /^gemini/, factor: [9n, 5n] },

  // docs.aws.amazon.com/bedrock/latest/userguide/capacity-limits-cost-optimization.html. How much dearer or cheaper
  // Bedrock's other tiers are is not published as one number.
  { provider: "aws", tiers: ["batch"], model: any, factor: half },
];

/** Tiers that are known to have a price of their own: without a rule, what they cost is not known. */
const pricedTiers = new Set(["priority", "fast", "ultrafast", "flex", "batch"]);

const tenthMore: Factor = [11n, 10n];

const regionRules: readonly { provider: string; isRegion: (region: string) => boolean; model: RegExp }[] = [
  // platform.claude.com/docs/en/build-with-claude/data-residency: `inference_geo`, Opus 4.6 and later models.
  {
    provider: "anthropic",
    isRegion: (region) => region === "us",
    model: /^claude-(opus-(4-[6-9]|[5-9])|sonnet-(4-[6-9]|[5-9])|haiku-[5-9]|fable|mythos)/,
  },
  // developers.openai.com/api/docs/pricing: "Regional processing (data residency) endpoints", GPT-5.4 and later.
  { provider: "openai", isRegion: isChosen, model: /^gpt-(5\.[4-9]|[6-9])/ },
  // The pricing page of Claude, "Third-party platform pricing": regional endpoints of Vertex, Sonnet 4.5 and later.
  // Bedrock's regions are models of their own in the catalog.
  { provider: "google", isRegion: isChosen, model: /^claude-(opus|sonnet|haiku|fable)-(4-[5-9]|[5-9])/ },
];

export type Placed = { provider: string; model: string; serviceTier?: string | undefined; region?: string | undefined };

/** The factor on token prices and what to say about it; undefined when the tier's price is not known. */
export function findFactor({
  provider,
  model,
  serviceTier,
  region,
}: Placed): { factor: Factor; notes: string[] } | undefined {
  const tier = serviceTier?.trim().toLowerCase() ?? "";
  const rule = tierRules.find(
    (candidate) => candidate.provider === provider && candidate.tiers.includes(tier) && candidate.model.test(model),
  );
  if (rule === undefined && pricedTiers.has(tier)) return undefined;
  const place = region?.trim().toLowerCase() ?? "";
  const isDearer = regionRules.some(
    (candidate) => candidate.provider === provider && candidate.isRegion(place) && candidate.model.test(model),
  );
  const [numerator, denominator] = rule?.factor ?? [1n, 1n];
  return {
    factor: isDearer ? [numerator * tenthMore[0], denominator * tenthMore[1]] : [numerator, denominator],
    notes: [...(rule === undefined ? [] : [`service tier ${tier}`]), ...(isDearer ? [`region ${place}`] : [])],
  };
}

function isChosen(region: string): boolean {
  return region !== "" && region !== "global";
}
