/** A call as it is told, and what came of telling it: wire and type at once. */
import { z } from "zod";

import { parseDecimal } from "#prices/nanousd.ts";

/** Ten billion: no call has as many, and the sums of a day stay whole numbers. */
const mostTokens = 10_000_000_000;
/** Five of these and a day fit into one entry of an index, whatever their letters. */
const longestName = 160;
const longestId = 512;
const longestContext = 10_000;
const mostTags = 50;
const longestTagKey = 100;
const longestTagValue = 1000;

const storableText = (longest: number) =>
  z
    .string()
    .max(longest)
    .refine((text) => !text.includes("\0") && text.isWellFormed(), {
      error: "text without NUL and without halves of a character",
    });

const name = storableText(longestName).min(1);
const id = storableText(longestId).min(1);
const count = z.int().min(0).max(mostTokens);

/** A number or its text, not negative; kept as text, so that no digit is lost on the way. */
const amount = z
  .union([z.number(), z.string().max(40)])
  .transform(String)
  .refine((usd) => isAmount(usd), { error: "USD, not negative, below a billion" });

const tags = z
  .record(storableText(longestTagKey).min(1), storableText(longestTagValue))
  .refine((all) => Object.keys(all).length <= mostTags, { error: `at most ${mostTags} tags` });

export const UsageEnvironment = z.enum(["dev", "prod", "shared"]);
export type UsageEnvironment = z.output<typeof UsageEnvironment>;

/**
 * One call of a language model. Counts are inclusive: `input_tokens` holds what was
 * read from and written to the cache, `output_tokens` holds reasoning. `created_at`
 * has an offset: whoever takes naive times in resolves them first. `null` says as much
 * as leaving it out.
 */
export const Call = z.strictObject({
  agent_name: name,
  model: name,
  input_tokens: count,
  output_tokens: count,
  context: storableText(longestContext).nullish(),
  operation: storableText(longestName).nullish(),
  created_at: z.iso.datetime({ offset: true }).nullish(),
  environment: UsageEnvironment.nullish(),
  provider: storableText(longestName).nullish(),
  credential: storableText(longestName).nullish(),
  response_id: id.nullish(),
  idempotency_key: id.nullish(),
  trace_id: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullish(),
  span_id: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .nullish(),
  service_tier: storableText(longestName).nullish(),
  region: storableText(longestName).nullish(),
  cache_read_tokens: count.nullish(),
  cache_write_5m_tokens: count.nullish(),
  cache_write_1h_tokens: count.nullish(),
  reasoning_tokens: count.nullish(),
  audio_input_tokens: count.nullish(),
  audio_output_tokens: count.nullish(),
  web_searches: z.int().min(0).max(1_000_000).nullish(),
  /** The counts were estimated: a stream that was broken off. */
  is_estimated: z.boolean().nullish(),
  tags: tags.nullish(),
  /** What the provider's answer says it charged; decimal text or a number. */
  provider_cost_usd: amount.nullish(),
  /** What the client makes of it: kept beside ours and never trusted. */
  estimated_cost_usd: amount.nullish(),
});
export type Call = z.output<typeof Call>;

/** What came of one call; receipts come in the order of the calls. */
export type Receipt = {
  /** `duplicate`: an id says that it was told before, and `id` is the first one's. */
  state: "recorded" | "duplicate" | "rejected";
  id?: number;
  /** Why it was rejected. */
  reason?: string;
  /** What somebody should know of a call that was recorded: its time was not believed, it has no price. */
  notes?: string[];
};

function isAmount(usd: string): boolean {
  const nanousd = parseDecimal(usd, 9);
  return nanousd !== undefined && nanousd < 10n ** 18n;
}
