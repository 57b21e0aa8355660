/**
 * Which spans are calls of a model, and what they say of them: the GenAI conventions of
 * OpenTelemetry, with the names that they had before and those that others use.
 *
 * A call is a leaf: what has a counted call below it (`invoke_agent`, a framework's own
 * span round the provider's) adds up what that one says, and is not booked. Counts are
 * taken as inclusive, as the conventions have them.
 */
import type { AttributeValue, Span } from "./otlp.ts";

type Attributes = ReadonlyMap<string, AttributeValue>;

/** Not checked yet: `undefined` for what the span does not say. */
export type SpannedCall = Record<string, unknown>;

const inferences = new Set(["chat", "generate_content", "text_completion", "embeddings"]);

/** As the convention names them, and as the prices do. */
const providers: Readonly<Record<string, string>> = {
  "gcp.gemini": "google",
  "gcp.vertex_ai": "google",
  "gcp.gen_ai": "google",
  gemini: "google",
  vertex_ai: "google",
  "aws.bedrock": "aws",
  "azure.ai.openai": "azure",
  "azure.ai.inference": "azure",
  "az.ai.openai": "azure",
  "az.ai.inference": "azure",
  mistral_ai: "mistral",
  moonshot_ai: "moonshotai",
  x_ai: "x-ai",
  xai: "x-ai",
};

const environments: Readonly<Record<string, string>> = {
  dev: "dev",
  development: "dev",
  local: "dev",
  test: "dev",
  prod: "prod",
  production: "prod",
  shared: "shared",
};

/** The current name first. */
const names = {
  input: ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"],
  output: ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"],
  cacheRead: [
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cache_read_tokens",
  ],
  cacheWrite: [
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_tokens",
  ],
  reasoning: ["gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"],
  audioInput: ["gen_ai.usage.audio.input_tokens"],
  audioOutput: ["gen_ai.usage.audio.output_tokens"],
  cost: ["gen_ai.usage.cost"],
  provider: ["gen_ai.provider.name", "gen_ai.system"],
  model: ["gen_ai.response.model", "gen_ai.request.model"],
  tier: [
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
  ],
  region: ["cloud.region"],
  environment: ["deployment.environment.name", "deployment.environment"],
} as const;

/** The calls among the spans of one request, in their order; the others are somebody else's. */
export function listCalls(spans: readonly Span[]): SpannedCall[] {
  const byId = new Map(spans.flatMap((span) => (hasId(span) ? [[nameOf(span), span] as const] : [])));
  const counted = spans.filter(isCounted);
  const sums = new Set(counted.flatMap((span) => listAncestors(span, byId)));
  return counted.filter((span) => !sums.has(span)).map((span) => describe(span, listAncestors(span, byId)));
}

/** Of the operations that call a model, or of none that is named and with a model; and with usage, without which there is nothing to book. */
function isCounted({ attributes }: Span): boolean {
  const operation = attributes.get("gen_ai.operation.name");
  const isInference =
    operation === undefined ? find(attributes, names.model) !== undefined : inferences.has(String(operation));
  return isInference && [names.input, names.output].some((one) => find(attributes, one) !== undefined);
}

function describe({ traceId, spanId, endedAt, attributes, resource }: Span, ancestors: readonly Span[]): SpannedCall {
  const provider = find(attributes, names.provider);
  const agents = [attributes, ...ancestors.map((ancestor) => ancestor.attributes)];
  const agent = agents.map((one) => one.get("gen_ai.agent.name")).find((name) => name !== undefined);
  const service = resource.get("service.name");
  const conversation = attributes.get("gen_ai.conversation.id");
  const output = find(attributes, names.output);
  return {
    trace_id: traceId,
    span_id: spanId,
    created_at: endedAt?.toISOString(),
    agent_name: textOf(agent ?? service ?? "unknown"),
    model: textOf(find(attributes, names.model)),
    provider: provider === undefined ? undefined : (providers[String(provider)] ?? String(provider)),
    operation: textOf(attributes.get("gen_ai.operation.name")),
    response_id: textOf(attributes.get("gen_ai.response.id")),
    service_tier: textOf(find(attributes, names.tier)),
    region: textOf(find(attributes, names.region)),
    environment: environments[String(find(resource, names.environment) ?? "").toLowerCase()],
    input_tokens: countOf(find(attributes, names.input)),
    // An embedding has none; the model's answer is counted wherever there is one.
    output_tokens: countOf(output ?? 0),
    cache_read_tokens: countOf(find(attributes, names.cacheRead)),
    cache_write_5m_tokens: countOf(find(attributes, names.cacheWrite)),
    reasoning_tokens: countOf(find(attributes, names.reasoning)),
    audio_input_tokens: countOf(find(attributes, names.audioInput)),
    audio_output_tokens: countOf(find(attributes, names.audioOutput)),
    estimated_cost_usd: countOf(find(attributes, names.cost)),
    ...(conversation === undefined ? {} : { tags: { conversation: String(conversation) } }),
  };
}

/** Those of the same request that it lies in; a circle ends where it began. */
function listAncestors(span: Span, byId: ReadonlyMap<string, Span>): Span[] {
  const found = new Set<Span>();
  let current = findParent(span, byId);
  while (current !== undefined && current !== span && !found.has(current)) {
    found.add(current);
    current = findParent(current, byId);
  }
  return [...found];
}

function findParent({ traceId, parentSpanId }: Span, byId: ReadonlyMap<string, Span>): Span | undefined {
  return parentSpanId === undefined ? undefined : byId.get(nameOf({ traceId, spanId: parentSpanId }));
}

function hasId({ traceId, spanId }: Span): boolean {
  return traceId !== undefined && spanId !== undefined;
}

function nameOf({ traceId, spanId }: Pick<Span, "traceId" | "spanId">): string {
  return `${traceId} ${spanId}`;
}

function find(attributes: Attributes, among: readonly string[]): AttributeValue | undefined {
  return among.map((name) => attributes.get(name)).find((value) => value !== undefined);
}

function textOf(value: AttributeValue | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** Some exporters write numbers as text; what is none is left for whoever checks the call. */
function countOf(value: AttributeValue | undefined): AttributeValue | undefined {
  return typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}
