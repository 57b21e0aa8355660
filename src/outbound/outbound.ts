/**
 * The one HTTP client for services outside: https to public addresses, or to the
 * exact origin that `outside:` of the configuration names for a service.
 *
 * - Every address that a name resolves to, and every literal, is judged, and the
 *   socket connects to what was judged: a name cannot change its mind in between.
 * - Redirects are answers, never followed: they would carry credentials elsewhere.
 * - No proxy variables, a limit on time and on the answer's size.
 * - Errors name the service and the cause, never URL, headers or body.
 */
import { type LookupAddress, type LookupOptions, lookup as resolveName } from "node:dns";
import type { LookupFunction } from "node:net";

import { Agent, request } from "undici";

import { AppError, readErrorCode } from "#errors.ts";

import { findAddressRefusal, findPrivateRefusal, readAddress } from "./address.ts";

export type OutsideEntry = { url: string; allow_private: boolean };

export type OutboundRequest = {
  /** Key of `outside:`, and what errors call the other side: `telegram`. */
  service: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** For the whole exchange. Default 10 s. */
  timeoutMs?: number;
  /** The rest of a longer answer is not read. Default 64 KiB. */
  maxBodyBytes?: number;
  signal?: AbortSignal | undefined;
};

export type OutboundResponse = {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string;
};

export type Outbound = {
  /** Any status is an answer. Throws `upstream_failed` or `upstream_timeout` when there is none, `invalid_input` for a URL that may not be called. */
  request(asked: OutboundRequest): Promise<OutboundResponse>;
  /** An address of a server that is not asked over HTTP, judged like the others: the caller connects to it and to no name. */
  resolve(server: OutsideServer): Promise<{ address: string; isPrivate: boolean }>;
  close(): Promise<void>;
};

export type OutsideServer = { service: string; scheme: "postgres" | "smtp"; host: string; port: number };

/** All addresses of a name. */
type Resolve = (hostname: string, options: LookupOptions) => Promise<LookupAddress[]>;
/** Why an address may not be called; undefined when it may. */
type Judge = (address: string) => string | undefined;

const defaultTimeoutMs = 10_000;
/** For name, connection and TLS: without a network that is all there is to wait for. */
const connectTimeoutMs = 5_000;
const defaultMaxBodyBytes = 64 * 1024;
const refusedCode = "EADDRESSREFUSED";

/** Opens the client; sockets are made when they are needed and kept for a short while. */
export function createOutbound(options: {
  outside: Record<string, OutsideEntry>;
  userAgent: string;
  /** Answers the addresses of a name; a test brings its own. */
  resolve?: typeof resolveName;
}): Outbound {
  const resolve = shareAnswers(options.resolve ?? resolveName);
  const openAgent = (judge: Judge): Agent =>
    new Agent({
      // Where HTTP/2 may be spoken connections are tried one after the other: of a host that is away each would wait in turn.
      ...{ keepAliveTimeout: 4_000, connections: 16, pipelining: 1, allowH2: false },
      connect: { timeout: connectTimeoutMs, lookup: guardLookup(resolve, judge) },
    });
  const [guarded, inside] = [openAgent(findAddressRefusal), openAgent(findPrivateRefusal)];
  return {
    request: async (asked) => {
      const entry = options.outside[asked.service];
      const url = chooseUrl(asked, entry);
      return exchange(asked, url, entry?.allow_private === true ? inside : guarded, options.userAgent);
    },
    resolve: (server) => resolveServer(server, options.outside[server.service], resolve),
    close: async () => {
      await Promise.all([guarded.destroy(), inside.destroy()]);
    },
  };
}

/** The configured origin takes the place of scheme, host and port. */
function chooseUrl({ service, url }: OutboundRequest, entry: OutsideEntry | undefined): URL {
  if (!URL.canParse(url)) throw new AppError("invalid_input", `the address of ${service} is not a URL`);
  const asked = new URL(url);
  if (asked.username !== "" || asked.password !== "") {
    throw new AppError("invalid_input", `the address of ${service} has a user or password in it`, {
      hint: "Give them as a reference of their own.",
    });
  }
  if (entry !== undefined) {
    const base = new URL(entry.url);
    asked.protocol = base.protocol;
    asked.hostname = base.hostname;
    asked.port = base.port;
  } else if (asked.protocol !== "https:") {
    throw new AppError("invalid_input", `the address of ${service} is not https`, { hint: allowHint(service) });
  }
  const literal = readAddress(asked.hostname);
  const judge = entry?.allow_private === true ? findPrivateRefusal : findAddressRefusal;
  const refusal = literal === undefined ? undefined : judge(literal);
  if (refusal === undefined) return asked;
  throw refuseAddress(service, refusal);
}

/** Private only where the entry of the service names exactly this server. */
async function resolveServer(
  { service, scheme, host, port }: OutsideServer,
  entry: OutsideEntry | undefined,
  resolve: Resolve,
): Promise<{ address: string; isPrivate: boolean }> {
  const origin = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`.toLowerCase();
  const isPrivate = entry?.allow_private === true && entry.url.toLowerCase() === origin;
  const address = await new Promise<string>((done, fail) => {
    guardLookup(resolve, isPrivate ? findPrivateRefusal : findAddressRefusal)(host, {}, (error, found) => {
      if (error === null && typeof found === "string") return done(found);
      const code = readErrorCode(error);
      if (code === refusedCode) return fail(refuseAddress(service, error?.message ?? "refused"));
      return fail(
        new AppError("upstream_failed", `${service} cannot be reached: ${code ?? "its name has no address"}`),
      );
    });
  });
  return { address, isPrivate };
}

async function exchange(
  asked: OutboundRequest,
  url: URL,
  dispatcher: Agent,
  userAgent: string,
): Promise<OutboundResponse> {
  const timeoutMs = asked.timeoutMs ?? defaultTimeoutMs;
  // One timer and one listener: signals made of signals outlive the call until they are collected.
  const stop = new AbortController();
  const forward = (): void => stop.abort(asked.signal?.reason);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop.abort();
  }, timeoutMs);
  asked.signal?.addEventListener("abort", forward, { once: true });
  if (asked.signal?.aborted === true) forward();
  try {
    const answer = await request(url, {
      dispatcher,
      method: asked.method,
      headers: { "user-agent": userAgent, ...asked.headers },
      ...(asked.body === undefined ? {} : { body: asked.body }),
      signal: stop.signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const body = await readBody(answer.body, asked.maxBodyBytes ?? defaultMaxBodyBytes);
    return { status: answer.statusCode, headers: flatten(answer.headers), body };
  } catch (cause) {
    throw describeFailure(asked, isLate, cause);
  } finally {
    clearTimeout(timer);
    asked.signal?.removeEventListener("abort", forward);
  }
}

async function readBody(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}

/** Who asks for a name that is being asked for waits for the same answer: few threads resolve names, and a dead resolver holds each for long. */
function shareAnswers(resolve: typeof resolveName): Resolve {
  const asked = new Map<string, Promise<LookupAddress[]>>();
  return (hostname, options) => {
    const known = asked.get(hostname);
    if (known !== undefined) return known;
    const { promise, resolve: done, reject } = Promise.withResolvers<LookupAddress[]>();
    asked.set(hostname, promise);
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      asked.delete(hostname);
      if (error === null) done(addresses);
      else reject(error);
    });
    return promise;
  };
}

/** Judges every address of a name; one that is refused refuses the name. */
function guardLookup(resolve: Resolve, judge: Judge): LookupFunction {
  return (hostname, options, answer) => {
    const judgeAll = (addresses: LookupAddress[]): void => {
      const refusal = addresses.map(({ address }) => judge(address)).find((found) => found !== undefined);
      if (refusal !== undefined) {
        return answer(Object.assign(new Error(refusal), { code: refusedCode }), "", 0);
      }
      const [first] = addresses;
      if (first === undefined) return answer(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), "", 0);
      return options.all === true ? answer(null, addresses) : answer(null, first.address, first.family);
    };
    void resolve(hostname, options).then(judgeAll, (error: NodeJS.ErrnoException) => answer(error, "", 0));
  };
}

/** The cause is not kept: some of them repeat the URL, which may hold a token. */
function describeFailure({ service, signal, timeoutMs }: OutboundRequest, isLate: boolean, cause: unknown): Error {
  if (signal?.aborted === true) return new AppError("unavailable", `the call to ${service} was stopped`);
  const code = readErrorCode(cause);
  if (code === refusedCode) return refuseAddress(service, cause instanceof Error ? cause.message : "refused");
  if (!isLate && code === "UND_ERR_CONNECT_TIMEOUT") {
    return new AppError(
      "upstream_timeout",
      `${service} cannot be reached: no connection within ${connectTimeoutMs / 1000} seconds`,
    );
  }
  if (isLate || /TIMEOUT/.test(code ?? "")) {
    const seconds = (timeoutMs ?? defaultTimeoutMs) / 1000;
    return new AppError("upstream_timeout", `${service} did not answer within ${seconds} seconds`);
  }
  return new AppError("upstream_failed", `${service} cannot be reached: ${code ?? "the connection broke"}`);
}

function refuseAddress(service: string, range: string): AppError {
  return new AppError("invalid_input", `the address of ${service} is not public (${range})`, {
    hint: allowHint(service),
  });
}

function allowHint(service: string): string {
  return `Name its exact origin in leveredge.yaml if that is meant: outside: { ${service}: { url: "http://HOST:PORT", allow_private: true } }`;
}
