/** One call of a model from its answer's first byte to its booking. */
import { BlockDecoder } from "./block-decoder.ts";
import { attribute, type Attribution, type Call, type Recorder } from "./call.ts";
import { type Endpoint, findProvider } from "./endpoints.ts";
import { estimateInput, estimateTokens } from "./estimate.ts";
import { asObject, asText, parseJson } from "./json.ts";
import { type Answer, createUsageReader, readUsage } from "./read-usage.ts";

export type TrackOptions = Attribution & { usage: Recorder };

/** What was asked, and what came back before the body. */
export type Asked = {
  endpoint: Endpoint;
  /** Of the request; the model is read from it when the answer does not name one. */
  body: unknown;
  isStream: boolean;
  hasFailed: boolean;
};

/** Their answers are text, whose size says what its tokens may have been. */
const textApis = new Set(["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"]);

/** Sees an answer while its reader reads it. Books it once, at its end or where it broke off; never throws. */
export type AnswerWatch = {
  /** True for the first reader: of a response and its clones one is watched. */
  claim(): boolean;
  chunk(bytes: Uint8Array): void;
  /** A whole body, as text or parsed. */
  whole(body: unknown): void;
  end(): void;
  /** The reader stopped, or the connection broke. */
  cut(): void;
};

export function createAnswerWatch(asked: Asked, options: TrackOptions): AnswerWatch {
  let decoder: BlockDecoder | undefined;
  const reader = asked.isStream ? createUsageReader(asked.endpoint.api) : undefined;
  let [text, isClaimed, isSettled] = ["", false, false];

  /** The call that is measured must not know of a fault in here. */
  const guard = (work: () => void): void => {
    try {
      work();
    } catch (cause) {
      options.usage.report({ kind: "unread", message: "an answer could not be read for its usage", cause });
    }
  };
  const settle = (read: () => Answer): void =>
    guard(() => {
      if (isSettled) return;
      isSettled = true;
      book(read(), asked, options);
    });
  const take = (piece = ""): void => {
    if (reader === undefined) text += piece;
    else reader.push(piece);
  };
  const end = (): void =>
    settle(() => {
      take(decoder?.end());
      if (reader !== undefined) return reader.read("end");
      return readUsage(asked.endpoint.api, parseJson(text));
    });

  return {
    claim() {
      const isFirst = !isClaimed;
      isClaimed = true;
      return isFirst;
    },
    chunk: (bytes) =>
      guard(() => {
        decoder ??= new BlockDecoder();
        take(decoder.push(bytes));
      }),
    whole(body) {
      if (typeof body !== "string") return settle(() => readUsage(asked.endpoint.api, body));
      guard(() => take(body));
      end();
    },
    end,
    // Of a body that is no stream nothing is known before its end, except that it was paid for.
    cut: () =>
      settle(() => {
        take(decoder?.end());
        return (reader ?? createUsageReader(asked.endpoint.api)).read("middle");
      }),
  };
}

function book(answer: Answer, asked: Asked, options: TrackOptions): void {
  const call = toCall(answer, asked, options);
  if (call !== undefined) {
    options.usage.record(call);
  } else if (!answer.isVoid && !asked.hasFailed && !asked.endpoint.isLookup && !textApis.has(asked.endpoint.api)) {
    const message = `an answer of ${asked.endpoint.api} has no token counts; it is not in the ledger`;
    options.usage.report({ kind: "unread", message });
  }
}

/** Undefined when there is nothing to book. */
function toCall(answer: Answer, asked: Asked, options: TrackOptions): Call | undefined {
  const { tokens, isFinal, isVoid, characters, model: answered, provider_cost_usd } = answer;
  const { endpoint, body } = asked;
  const canEstimate = textApis.has(endpoint.api) && !isVoid && !asked.hasFailed && !endpoint.isLookup;
  if (tokens === undefined && !canEstimate) return undefined;

  const model = answered ?? endpoint.model ?? readModel(body) ?? "unknown";
  const provider = options.provider ?? findProvider(endpoint, model);
  const output = estimateTokens(characters);
  const counted = tokens ?? { input_tokens: estimateInput(body), output_tokens: 0 };
  const attributed = attribute(options);
  return {
    ...attributed,
    response_id: answer.response_id,
    service_tier: answer.service_tier,
    region: answer.region ?? attributed.region,
    ...counted,
    output_tokens: isFinal ? counted.output_tokens : Math.max(counted.output_tokens, output),
    model,
    provider,
    provider_cost_usd: provider === "openrouter" ? provider_cost_usd : undefined,
    is_estimated: isFinal ? undefined : true,
  };
}

function readModel(body: unknown): string | undefined {
  if (body instanceof FormData) return asText(body.get("model"));
  return typeof body === "string" ? asText(asObject(parseJson(body))["model"]) : undefined;
}
