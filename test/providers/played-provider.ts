/** What a service answers, as it documents it: written from documentation, not from the definitions that it tests. */
import type { Verdict } from "#providers/provider.ts";

/** One request that the service expects, and its answer. */
export type PlayedExchange = {
  method: "GET" | "POST";
  /** Scheme and host that the request is meant for: `https://api.openai.com`. */
  origin: string;
  /** With its query: `/v1/models?limit=1`. */
  path: string;
  /** Headers that must arrive exactly so, by lower-case name; one is undefined that must not arrive. */
  headers?: Record<string, string | undefined>;
  /** The items of a form that must arrive. */
  form?: Record<string, string>;
  /** The JSON body that must arrive. */
  json?: unknown;
  answer: { status: number; headers?: Record<string, string>; body: unknown };
};

export type PlayedCase = {
  /** What the service means by it: `a restricted key`. */
  name: string;
  fields: Record<string, string>;
  /** In the order in which they are asked. */
  exchanges: PlayedExchange[];
  verdict: Verdict;
  /** ISO; only where the answer tells it. */
  expiresAt?: string;
  scopes?: string[];
  identity?: string;
};

/** A provider over HTTP. The body is sent as JSON, a text as it is with the content type of its headers. */
export type PlayedProvider = { provider: string; cases: PlayedCase[] };
