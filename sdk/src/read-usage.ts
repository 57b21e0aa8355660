/**
 * What the answers of language models say about their use, read from a whole JSON body or
 * from a stream of server-sent events. Pure: nothing is sent, kept or timed here.
 *
 * Counts come out inclusive whatever the provider's own habit is: Anthropic's caches are
 * added to its input, Gemini's thoughts to its output and its tool results to its input.
 * Counts in a stream are cumulative: later ones replace earlier ones and are never added.
 */
import { absorbAnthropic, countAnthropic, isAnthropicPiece } from "./anthropic-usage.ts";
import { type Tokens } from "./call.ts";
import { absorbGemini, countGemini } from "./gemini-usage.ts";
import { asList, asObject, type JsonObject, parseJson } from "./json.ts";
import {
  absorbChat,
  absorbMedia,
  absorbResponses,
  countOpenAi,
  isChatPiece,
  isResponsesPiece,
} from "./openai-usage.ts";
import { createSseParser } from "./sse.ts";

/** The forms of answers that are understood. */
export type Api =
  | "openai-chat"
  | "openai-responses"
  | "openai-embeddings"
  | "openai-images"
  | "openai-transcriptions"
  | "anthropic-messages"
  | "gemini-generate";

export type Answer = {
  model?: string | undefined;
  response_id?: string | undefined;
  service_tier?: string | undefined;
  region?: string | undefined;
  /** What OpenRouter says it charged, in US dollars. */
  provider_cost_usd?: number | undefined;
  /** Undefined when the answer says nothing about its use. */
  tokens: Tokens | undefined;
  /** False while a stream has not come to its last counts. */
  isFinal: boolean;
  /** An error, or a promise of a later answer: without counts there is nothing to book. */
  isVoid: boolean;
  /** Of the text that was seen, for an estimate where counts are missing; too low where they are there. */
  characters: number;
};

/** What has been seen of one answer; each form of answer has a function that adds an event to it. */
export type Seen = Omit<Answer, "tokens" | "isFinal"> & {
  usage: JsonObject | undefined;
  /** Searches that the answer shows and its usage does not count. */
  web_searches: number | undefined;
  hasEnded: boolean;
};

type Form = {
  absorb: (seen: Seen, event: JsonObject) => void;
  /** True for the text of an event that holds a piece of the answer and nothing else. */
  isPiece?: (data: string) => boolean;
  count: (usage: JsonObject) => Tokens | undefined;
};

const forms: Record<Api, Form> = {
  "openai-chat": { absorb: absorbChat, isPiece: isChatPiece, count: countOpenAi },
  "openai-responses": { absorb: absorbResponses, isPiece: isResponsesPiece, count: countOpenAi },
  "openai-embeddings": { absorb: absorbMedia, count: countOpenAi },
  "openai-images": { absorb: absorbMedia, count: countOpenAi },
  "openai-transcriptions": { absorb: absorbMedia, count: countOpenAi },
  "anthropic-messages": { absorb: absorbAnthropic, isPiece: isAnthropicPiece, count: countAnthropic },
  "gemini-generate": { absorb: absorbGemini, count: countGemini },
};

/** Some hold a role and no text, one for each choice. */
const samples = 8;

export type UsageReader = {
  /** Text of a stream, split anywhere. */
  push(text: string): void;
  /** What is known so far; after the end of the stream what it said last is final. */
  read(at: "middle" | "end"): Answer;
};

/** Reads a whole JSON body; Gemini's may be a list of chunks. What is no JSON object is void. */
export function readUsage(api: Api, body: unknown): Answer {
  const seen = createSeen();
  seen.isVoid = typeof body !== "object" || body === null;
  const events = Array.isArray(body) ? asList(body) : [body];
  for (const event of events) forms[api].absorb(seen, asObject(event));
  return toAnswer(api, seen, "end");
}

/** Reads a stream while it comes; what is not JSON in it is passed over. */
export function createUsageReader(api: Api): UsageReader {
  const parser = createSseParser();
  const seen = createSeen();
  const { absorb, isPiece } = forms[api];
  /** The events that hold a piece of the answer and nothing else: the first few stand for the others. */
  const pieces = { first: [] as string[], others: 0, othersSize: 0 };

  const absorbText = (data: string): void => {
    // Most events are pieces, of which only a rough size may be wanted: parsing each would be most of the work.
    if (seen.model === undefined || isPiece?.(data) !== true) {
      if (data.startsWith("{")) absorb(seen, asObject(parseJson(data)));
      return;
    }
    if (pieces.first.length < samples) {
      pieces.first.push(data);
    } else {
      pieces.others += 1;
      pieces.othersSize += data.length;
    }
  };

  /** With the names and the text of the pieces: what is not text is about the same in all that have some. */
  const addPieces = (): Seen => {
    const few = createSeen();
    let [most, envelope] = [0, pieces.othersSize];
    for (const data of pieces.first) {
      const before = few.characters;
      absorb(few, asObject(parseJson(data)));
      const characters = few.characters - before;
      if (characters > most) [most, envelope] = [characters, data.length - characters];
    }
    return {
      ...seen,
      response_id: seen.response_id ?? few.response_id,
      service_tier: seen.service_tier ?? few.service_tier,
      characters: seen.characters + few.characters + Math.max(0, pieces.othersSize - pieces.others * envelope),
    };
  };

  return {
    push: (text) => parser.push(text).forEach(absorbText),
    read(at) {
      if (at === "end") parser.end().forEach(absorbText);
      const answer = toAnswer(api, seen, at);
      return answer.isFinal ? answer : toAnswer(api, addPieces(), at);
    },
  };
}

function createSeen(): Seen {
  return { usage: undefined, web_searches: undefined, hasEnded: false, isVoid: false, characters: 0 };
}

function toAnswer(api: Api, { usage, hasEnded, web_searches, ...rest }: Seen, at: "middle" | "end"): Answer {
  const counted = usage === undefined ? undefined : forms[api].count(usage);
  const tokens = counted === undefined ? undefined : fit({ web_searches, ...counted });
  return { ...rest, tokens, isFinal: tokens !== undefined && (hasEnded || at === "end") };
}

/** A part that is larger than its whole was not counted in it: some servers of these forms do so. */
function fit(tokens: Tokens): Tokens {
  const { cache_read_tokens = 0, cache_write_5m_tokens = 0, cache_write_1h_tokens = 0 } = tokens;
  const cached = cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens;
  const said = (tokens.reasoning_tokens ?? 0) + (tokens.audio_output_tokens ?? 0);
  return {
    ...tokens,
    input_tokens: tokens.input_tokens + (cached > tokens.input_tokens ? cached : 0),
    output_tokens: tokens.output_tokens + (said > tokens.output_tokens ? said : 0),
  };
}
