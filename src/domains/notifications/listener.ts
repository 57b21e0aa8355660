/**
 * The specification's HERMES: `POST http://127.0.0.1:8014/notify` without a token,
 * so that scripts of the platform go on working. It takes that one request and
 * nothing else, from programs of this host only: a browser is refused by what it
 * says of itself, a foreign name that leads here by its Host header.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import type { App } from "#app.ts";
import { AppError, readErrorCode } from "#errors.ts";
import { describeFaults } from "#http/input-faults.ts";

import { hermesPort, ownService, probeHermes } from "./hermes.ts";
import { notify } from "./notifications.ts";
import { NotifyRequest } from "./schema.ts";

export type Listener = {
  /**
   * `forwarding`: a HERMES has the port, and messages for channels that are not
   * configured here go through it. `taken`: another program has it.
   */
  state: "listening" | "forwarding" | "taken";
  port: number;
  stop(): Promise<void>;
};

type ListenerApp = Pick<App, "db" | "config" | "now" | "keys" | "programVersion">;

const longestBody = 64 * 1024;
const mostConnections = 64;
const messagesAMinute = 120;
const localNames = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Listens on loopback, or answers who has the port already. */
export async function startListener(
  app: ListenerApp,
  options: {
    port?: number;
    requestWithinMs?: number;
    /** Hears what kept a message from being taken and is nobody's fault who asked. */
    onError?: (error: unknown) => void;
  } = {},
): Promise<Listener> {
  const { port = hermesPort, requestWithinMs = 10_000, onError = () => undefined } = options;
  const tools = { mayTake: limitRate(app.now), onError };
  const server = createServer(
    {
      requestTimeout: requestWithinMs,
      headersTimeout: requestWithinMs,
      connectionsCheckingInterval: requestWithinMs / 5,
    },
    (request, response) => {
      void answer(app, request, response, tools);
    },
  );
  server.maxConnections = mostConnections;
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch (cause) {
    if (readErrorCode(cause) !== "EADDRINUSE") throw cause;
    const state = (await probeHermes(port)) === "foreign" ? "forwarding" : "taken";
    return { state, port, stop: () => Promise.resolve() };
  }
  const address = server.address();
  return {
    state: "listening",
    port: typeof address === "object" && address !== null ? address.port : port,
    stop: () => close(server),
  };
}

/** A script in a loop must not fill the outbox: so many messages a minute, refilled evenly. */
function limitRate(now: () => Date): () => boolean {
  let [left, at] = [messagesAMinute, now().getTime()];
  return () => {
    const passed = now().getTime() - at;
    at += passed;
    // A clock that was set back gives nothing and takes nothing.
    left = Math.min(messagesAMinute, left + (Math.max(0, passed) / 60_000) * messagesAMinute);
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}

async function answer(
  app: ListenerApp,
  request: IncomingMessage,
  response: ServerResponse,
  { mayTake, onError }: { mayTake: () => boolean; onError: (error: unknown) => void },
): Promise<void> {
  try {
    const reply = await respond(app, request, mayTake);
    send(response, reply.status, reply.body);
  } catch (error) {
    // A client that goes away in the middle of its request is none either.
    if (!(error instanceof AppError) && request.complete) onError(error);
    const known = error instanceof AppError ? error : new AppError("internal", "the message could not be taken");
    const { code, message, hint } = known;
    send(response, known.status, { error: { code, message, ...(hint === undefined ? {} : { hint }) } });
  }
}

async function respond(
  app: ListenerApp,
  request: IncomingMessage,
  mayTake: () => boolean,
): Promise<{ status: number; body: unknown }> {
  refuseForeign(request);
  const path = request.url?.split("?")[0];
  if (path === "/health" && request.method === "GET") return { status: 200, body: { service: ownService } };
  if (path !== "/notify" || request.method !== "POST") {
    throw new AppError("not_found", "this port takes POST /notify alone");
  }
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    throw new AppError("invalid_input", "the message must be JSON", { hint: "Send Content-Type: application/json." });
  }
  const value = parseJson(await readBody(request));
  const parsed = NotifyRequest.safeParse(value);
  if (!parsed.success) {
    throw new AppError(
      "invalid_input",
      describeFaults({ schema: NotifyRequest, value, part: "body" }, parsed.error.issues),
      {
        hint: 'Send {"channel": "telegram", "message": "…", "priority": "low|normal|high"}.',
      },
    );
  }
  if (!mayTake()) {
    throw new AppError("rate_limited", `more than ${messagesAMinute} messages a minute`, {
      hint: "Send fewer, or later.",
    });
  }
  return { status: 202, body: await notify(app, parsed.data, "listener") };
}

/** A page that somebody looks at must not be able to send messages: browsers say who they are. */
function refuseForeign({ headers }: IncomingMessage): void {
  const name = (headers.host ?? "").replace(/:\d+$/, "").toLowerCase();
  const isBrowser = headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;
  if (localNames.has(name) && !isBrowser) return;
  throw new AppError("forbidden", "this port answers programs of this host only");
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // A request without an encoding set gives buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > longestBody) throw new AppError("invalid_input", `a message has at most ${longestBody} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid_input", "the message is not JSON", { cause });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  // What was not read of a refused body is not waited for.
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(body));
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), 2_000);
  await once(server, "close");
  clearTimeout(timer);
}
