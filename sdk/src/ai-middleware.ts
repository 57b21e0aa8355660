/** The Vercel AI SDK (`ai` 7): a middleware for `wrapLanguageModel`. */
import { type TrackOptions } from "./answer-watch.ts";
import { attribute, type Tokens } from "./call.ts";
import { countCharacters, estimateTokens } from "./estimate.ts";
import { asCount, asList, asNumber, asObject, asText, type JsonObject } from "./json.ts";
import { observeStream } from "./observe-stream.ts";

/** The parts of a language model, its call and its answers that the middleware reads. */
type Model = { readonly provider: string; readonly modelId: string };
type Params = { prompt: unknown };
type Metadata = { id?: string | undefined; modelId?: string | undefined };
type Usage = {
  inputTokens: { total: number | undefined; cacheRead: number | undefined; cacheWrite: number | undefined };
  outputTokens: { total: number | undefined; reasoning: number | undefined };
  raw?: unknown;
};
type Generated = { content: unknown; usage: Usage; providerMetadata?: unknown; response?: Metadata | undefined };
type Streamed<Part> = { stream: ReadableStream<Part> };

/** Assignable to the `LanguageModelV4Middleware` of the package. */
export type UsageMiddleware = {
  readonly specificationVersion: "v4";
  wrapGenerate<Result extends Generated>(options: {
    doGenerate: () => PromiseLike<Result>;
    params: Params;
    model: Model;
  }): Promise<Result>;
  wrapStream<Part extends { type: string }, Result extends Streamed<Part>>(options: {
    doStream: () => PromiseLike<Result>;
    params: Params;
    model: Model;
  }): Promise<Result>;
};

/** What an answer has said so far. */
type Said = {
  usage?: Usage;
  metadata: Metadata;
  providerMetadata?: unknown;
  characters: number;
  searches: number;
  hasFailed: boolean;
};

/** Records every call of the models that it wraps; an error of the model passes on as it is. */
export function usageMiddleware(options: TrackOptions): UsageMiddleware {
  return {
    specificationVersion: "v4",
    async wrapGenerate({ doGenerate, params, model }) {
      const result = await doGenerate();
      const { usage, response = {}, providerMetadata, content } = result;
      const searches = asList(content).map(asObject).filter(isSearch).length;
      const characters = countCharacters(content);
      const said = { usage, metadata: response, providerMetadata, characters, searches, hasFailed: false };
      book(said, { params, model }, options);
      return result;
    },
    async wrapStream({ doStream, params, model }) {
      const result = await doStream();
      const said: Said = { metadata: {}, characters: 0, searches: 0, hasFailed: false };
      let isBooked = false;
      const finish = (): void => {
        if (!isBooked) book(said, { params, model }, options);
        isBooked = true;
      };
      const stream = observeStream(() => result.stream.getReader(), {
        claim: () => true,
        chunk: (part) => absorb(said, part),
        end: finish,
        cut: finish,
      });
      return { ...result, stream };
    },
  };
}

function absorb(said: Said, part: { type: string }): void {
  const read: JsonObject = part;
  switch (part.type) {
    case "response-metadata":
      said.metadata = {
        ...said.metadata,
        ...dropMissing({ id: asText(read["id"]), modelId: asText(read["modelId"]) }),
      };
      return;
    case "text-delta":
    case "reasoning-delta":
    case "tool-input-delta":
      said.characters += countCharacters(read["delta"]);
      return;
    case "tool-result":
      if (isSearch(read)) said.searches += 1;
      return;
    case "error":
      said.hasFailed = true;
      return;
    case "finish":
      // The part of a finished stream, as the package defines it.
      said.usage = read["usage"] as Usage;
      said.providerMetadata = read["providerMetadata"];
      return;
    default:
  }
}

/** The call that is measured must not know of a fault in here. */
function book(said: Said, asked: { params: Params; model: Model }, options: TrackOptions): void {
  try {
    const { usage } = options;
    const provider = options.provider ?? findProvider(asked.model.provider);
    const metadata = asObject(asObject(said.providerMetadata)[provider]);
    const counted = said.usage === undefined ? undefined : countTokens(said.usage, said.searches);
    if (counted === undefined && said.hasFailed) return;
    usage.record({
      ...attribute(options),
      ...(counted ?? estimate(said, asked.params)),
      model: said.metadata.modelId ?? asked.model.modelId,
      provider,
      response_id: said.metadata.id,
      service_tier: asText(metadata["serviceTier"]),
      provider_cost_usd: provider === "openrouter" ? asNumber(asObject(metadata["usage"])["cost"]) : undefined,
      is_estimated: counted === undefined ? true : undefined,
    });
  } catch (cause) {
    options.usage.report({ kind: "unread", message: "an answer of the AI SDK could not be read for its usage", cause });
  }
}

/** Undefined when the provider counted nothing. The package's totals are inclusive already. */
function countTokens({ inputTokens, outputTokens, raw }: Usage, searches: number): Tokens | undefined {
  if (inputTokens.total === undefined && outputTokens.total === undefined) return undefined;
  const said = asObject(raw);
  const written = inputTokens.cacheWrite;
  const oneHour = asCount(asObject(said["cache_creation"])["ephemeral_1h_input_tokens"]) ?? 0;
  const long = Math.min(oneHour, written ?? 0);
  const inputParts = asObject(said["prompt_tokens_details"]);
  const outputParts = asObject(said["completion_tokens_details"]);
  return {
    input_tokens: inputTokens.total ?? 0,
    output_tokens: outputTokens.total ?? 0,
    cache_read_tokens: inputTokens.cacheRead,
    cache_write_5m_tokens: written === undefined ? undefined : written - long,
    cache_write_1h_tokens: long > 0 ? long : undefined,
    reasoning_tokens: outputTokens.reasoning,
    audio_input_tokens: asCount(inputParts["audio_tokens"]),
    audio_output_tokens: asCount(outputParts["audio_tokens"]),
    web_searches:
      asCount(asObject(said["server_tool_use"])["web_search_requests"]) ?? (searches === 0 ? undefined : searches),
  };
}

/** OpenAI bills a search, and not the pages that are opened after it. */
function isSearch(part: JsonObject): boolean {
  return part["type"] === "tool-result" && asObject(asObject(part["result"])["action"])["type"] === "search";
}

function estimate(said: Said, { prompt }: Params): Tokens {
  return {
    input_tokens: estimateTokens(countCharacters(prompt)),
    output_tokens: estimateTokens(said.characters),
  };
}

/** `openai.responses` is OpenAI; ids as the ledger's catalog has them. */
function findProvider(name: string): string {
  const first = name.split(".")[0] ?? name;
  const others: Record<string, string> = {
    xai: "x-ai",
    togetherai: "together",
    "amazon-bedrock": "aws",
    vertex: "google",
  };
  return others[first] ?? first;
}

function dropMissing(metadata: Metadata): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
}
