/** Tracking clients of language models, by watching the fetch that they use. */
import { type Asked, createAnswerWatch, type TrackOptions } from "./answer-watch.ts";
import { type Endpoint, findEndpoint } from "./endpoints.ts";
import { isObject } from "./json.ts";
import { observeResponse } from "./observe-response.ts";

export type { TrackOptions } from "./answer-watch.ts";

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What a watched fetch asks in the end, so that tracking twice counts once. */
const watched = new WeakMap<Fetch, Fetch>();
const unwatchedCalls = new WeakMap<object, ApiCall>();

/**
 * The client with every call of a model in the ledger. Clients of `openai` and
 * `@anthropic-ai/sdk` come back as a new client with the same settings, so that one
 * program may track for several agents; a client of `@google/genai` cannot be copied
 * and is itself tracked. Tracked twice, the last options hold.
 */
export function track<Client extends object>(client: Client, options: TrackOptions): Client {
  if (isStainless(client)) {
    // As these packages are made, `withOptions` answers a client of the class it is called on.
    return client.withOptions({ fetch: trackFetch({ ...options, fetch: client.fetch }) }) as Client;
  }
  if (isGoogle(client)) {
    trackGoogle(client.apiClient, options);
    return client;
  }
  throw new TypeError(
    "this client cannot be tracked: it is none of openai, @anthropic-ai/sdk and @google/genai. Give it trackFetch(…) as its fetch.",
  );
}

/** A fetch for every library that takes one. Requests that are no calls of a model pass unseen. */
export function trackFetch(options: TrackOptions & { fetch?: Fetch | undefined }): Fetch {
  const given = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const base = watched.get(given) ?? given;
  const observed: Fetch = async (input, init) => {
    const endpoint = recognise(input, init);
    const response = await base(input, init);
    return endpoint === undefined ? response : observe(response, { endpoint, body: init?.body }, options);
  };
  watched.set(observed, base);
  return observed;
}

/** Programs ask few addresses, again and again. */
const mostAddresses = 100;
const recognised = new Map<string, Endpoint | undefined>();

/** Undefined too for what cannot be understood: fetch itself says what is wrong with it. */
function recognise(input: string | URL | Request, init: RequestInit | undefined): Endpoint | undefined {
  try {
    const asked = typeof input === "string" || input instanceof URL ? { url: String(input), method: "GET" } : input;
    const method = (init?.method ?? asked.method).toUpperCase();
    const name = `${method} ${asked.url}`;
    if (recognised.has(name)) return recognised.get(name);
    const endpoint = findEndpoint(asked.url, method);
    if (recognised.size < mostAddresses) recognised.set(name, endpoint);
    return endpoint;
  } catch {
    return undefined;
  }
}

function observe(response: Response, asked: Pick<Asked, "endpoint" | "body">, options: TrackOptions): Response {
  try {
    const isStream = response.headers.get("content-type")?.includes("text/event-stream") === true;
    return observeResponse(response, createAnswerWatch({ ...asked, isStream, hasFailed: !response.ok }, options));
  } catch (cause) {
    options.usage.report({ kind: "unread", message: "an answer could not be watched", cause });
    return response;
  }
}

type StainlessClient = { withOptions: (options: { fetch: Fetch }) => unknown; fetch?: Fetch };

function isStainless(client: object): client is StainlessClient {
  return "withOptions" in client && typeof client.withOptions === "function";
}

type ApiCall = (...args: unknown[]) => Promise<Response>;

type GoogleApiClient = {
  apiCall?: ApiCall;
  clientOptions: { httpOptions?: { fetch?: Fetch } };
};

function isGoogle(client: object): client is { apiClient: GoogleApiClient } {
  return "apiClient" in client && isObject(client.apiClient) && isObject(client.apiClient["clientOptions"]);
}

/**
 * The package switches off the time limits of Node's fetch as long as it has no fetch of
 * its own (`httpOptions.fetch`), and long answers need that. So what it asks with is
 * watched where it asks; only a version without that place gets a fetch.
 */
function trackGoogle(apiClient: GoogleApiClient, options: TrackOptions): void {
  const { apiCall } = apiClient;
  if (typeof apiCall !== "function") {
    const httpOptions = (apiClient.clientOptions.httpOptions ??= {});
    httpOptions.fetch = trackFetch({ ...options, fetch: httpOptions.fetch });
    return;
  }
  const ask = unwatchedCalls.get(apiClient) ?? apiCall;
  unwatchedCalls.set(apiClient, ask);
  // The arguments as in @google/genai 3.1.0.
  apiClient.apiCall = (url, init, retryOptions, timeout, abortSignal, given) => {
    // The package's own type of its last argument.
    const fetch = trackFetch({ ...options, fetch: given as Fetch | undefined });
    return ask.call(apiClient, url, init, retryOptions, timeout, abortSignal, fetch);
  };
}
