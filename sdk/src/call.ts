/** What is known of one call of a language model, in the words of `POST /usage`. */

/**
 * Counts of one call: whole, not negative, and inclusive, as OpenTelemetry has it. Input
 * holds what was read from and written to a cache, and audio; output holds reasoning.
 */
export type Tokens = {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens?: number | undefined;
  cache_write_5m_tokens?: number | undefined;
  cache_write_1h_tokens?: number | undefined;
  reasoning_tokens?: number | undefined;
  audio_input_tokens?: number | undefined;
  audio_output_tokens?: number | undefined;
  web_searches?: number | undefined;
};

/** One call as the ledger takes it. `agent_name`, `model` and the two counts are required. */
export type Call = Tokens & {
  agent_name: string;
  model: string;
  context?: string | undefined;
  operation?: string | undefined;
  /** ISO 8601; without a zone it is read in the platform's. */
  created_at?: string | undefined;
  provider?: string | undefined;
  response_id?: string | undefined;
  /** The ledger books a call once for each key; `UsageClient` sets one where there is none. */
  idempotency_key?: string | undefined;
  service_tier?: string | undefined;
  region?: string | undefined;
  is_estimated?: boolean | undefined;
  environment?: string | undefined;
  credential?: string | undefined;
  tags?: Readonly<Record<string, string>> | undefined;
  /** What the provider itself says it charged (OpenRouter). */
  provider_cost_usd?: number | undefined;
  /** A client's own figure; kept beside the ledger's, never used for it. */
  estimated_cost_usd?: number | undefined;
};

/** Whom a call belongs to: what a program says once for all calls that it makes. */
export type Attribution = {
  agent: string;
  /** What the call is for; a function is asked at each call. */
  operation?: string | (() => string | undefined) | undefined;
  /** Where it comes from, such as `endpoint: /plan`; a function is asked at each call. */
  context?: string | (() => string | undefined) | undefined;
  /** Names the provider where neither the address nor the model does. */
  provider?: string | undefined;
  region?: string | undefined;
  environment?: string | undefined;
  credential?: string | undefined;
  tags?: Readonly<Record<string, string>> | undefined;
};

/** Where calls and problems go: a `UsageClient`, or whatever else can take them. */
export type Recorder = {
  record(call: Call): void;
  report(problem: Problem): void;
};

/**
 * What went wrong with measuring; the measured call is never affected. `unreachable`,
 * `refused` and `spool` are tried again, `rejected`, `lost` and `unread` are final.
 */
export type Problem = {
  kind: "unreachable" | "refused" | "rejected" | "spool" | "lost" | "unread";
  message: string;
  cause?: unknown;
};

/** The part of a call that its attribution says. */
export function attribute(attribution: Attribution): Omit<Call, "model" | keyof Tokens> {
  const { agent, operation, context, region, environment, credential, tags } = attribution;
  return {
    agent_name: agent,
    operation: typeof operation === "function" ? operation() : operation,
    context: typeof context === "function" ? context() : context,
    region,
    environment,
    credential,
    tags,
  };
}
