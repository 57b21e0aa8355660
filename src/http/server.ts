/**
 * The HTTP server: Fastify, built from a list of routes as data. It knows no
 * domain; who asks is told by `authenticate`.
 *
 * - A route without a permission stops the start, whoever added it.
 * - Input and output are parsed by the route's schemas; an answer that does not
 *   fit is a fault of ours, logged and not sent.
 * - A request is authenticated before its body is read.
 * - Every failure has one form, also of what is no request at all.
 */
import cookie from "@fastify/cookie";
import Fastify, { type FastifyInstance, type FastifyReply, type RouteOptions } from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import type { z } from "zod";

import { AppError } from "#errors.ts";

import { addApiDescription, addDocs } from "./docs.ts";
import { describeError } from "./errors.ts";
import { describeFaults } from "./input-faults.ts";
import type { Log } from "./log.ts";
import type { Permission } from "./permission.ts";
import { addRoute, type Authenticate, findActor } from "./route-handler.ts";
import type { Route, TellFailure } from "./route.ts";
import { checkHost, checkOrigin, readAsked, securityHeaders } from "./security.ts";
import { answerClientError, describeMissing } from "./unroutable.ts";

export type HttpOptions = {
  routes: readonly Route[];
  authenticate: Authenticate;
  /** Name of the cookie that holds a session. */
  sessionCookie: string;
  version: string;
  publicUrl: string | undefined;
  log: Log;
  /** Told of every answer: for metrics. */
  observe?(answer: { method: string; route: string; status: number; ms: number }): void;
  /** Names a failure that only others can know, such as a store that is away; undefined for any other. */
  explain?(error: unknown): AppError | undefined;
  limits?: Partial<Limits>;
};

/** What one client may take of the server. */
export type Limits = {
  bodyBytes: number;
  connections: number;
  /** Until the headers are there, and until the whole request is. */
  headersMs: number;
  requestMs: number;
  /** How often slow ones are looked for. */
  lookMs: number;
  idleMs: number;
  /** How long closing waits for what is being answered, or still being sent. */
  closeMs: number;
  /** Between two signs of life of an event stream. */
  heartbeatMs: number;
};

/** What a client is told to wait when something is away or has too much to do. */
const retryAfterSeconds = 2;

const usualLimits: Limits = {
  bodyBytes: 1024 * 1024,
  connections: 512,
  headersMs: 10_000,
  requestMs: 30_000,
  lookMs: 5_000,
  idleMs: 10_000,
  closeMs: 10_000,
  heartbeatMs: 15_000,
};

declare module "fastify" {
  // Merging is Fastify's own way to give a route fields of ours.
  // oxlint-disable-next-line typescript/consistent-type-definitions
  interface FastifyContextConfig {
    permission?: Permission | "public";
    etag?: Route["etag"];
    tellFailure?: TellFailure;
  }
}

/** Ready to listen. Closing it ends event streams and waits for what is being answered. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const limits = { ...usualLimits, ...options.limits };
  const headers = securityHeaders(options.publicUrl);
  const server = openFastify(options, limits, headers);
  refuseUndeclared(server, options.routes);
  await server.register(cookie);
  await addApiDescription(server, options.version);
  addHooks(server, options, headers);
  const stopping = new AbortController();
  server.addHook("preClose", async () => {
    stopping.abort();
    setTimeout(() => server.server.closeAllConnections(), limits.closeMs).unref();
  });
  const handling = { ...options, headers, stopping: stopping.signal, heartbeatMs: limits.heartbeatMs };
  for (const route of options.routes) await addRoute(server, route, handling);
  await addDocs(server);
  await server.ready();
  return server;
}

function openFastify(options: HttpOptions, limits: Limits, headers: Record<string, string>): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    http: {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.lookMs,
      // A request without one is refused by `checkHost`, in our form.
      requireHostHeader: false,
    },
    // With a public URL a proxy of this host stands before us, and says whom it asks for.
    trustProxy: options.publicUrl === undefined ? false : "loopback",
    genReqId: () => crypto.randomUUID(),
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 200 },
    forceCloseConnections: "idle",
    return503OnClosing: true,
    frameworkErrors: (error, request, reply) => {
      const { status, reply: body } = describeError(error, request.id);
      options.log.request({ ...unrouted(request.id, status), method: request.method });
      // Its type knows no reply of this kind, because no route was found.
      const sent = reply as FastifyReply;
      void sent
        .headers({ ...headers, "x-request-id": request.id })
        .code(status)
        .send(body);
    },
    clientErrorHandler: (error, socket) => {
      const requestId = crypto.randomUUID();
      const status = answerClientError(error, socket, { headers, requestId });
      if (status !== undefined) options.log.request(unrouted(requestId, status));
    },
  });
  server.server.maxConnections = limits.connections;
  // JSON alone: a form of another site can send text without asking.
  server.removeContentTypeParser("text/plain");
  server.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (input: unknown) => {
    // Fastify gives a body that is not there as null: a route that can do without one reads it as absent.
    const value = input ?? undefined;
    const parsed = schema.safeParse(value);
    if (parsed.success) return { value: parsed.data };
    const part = httpPart === "querystring" ? "query" : httpPart === "params" ? "path" : "body";
    const message = describeFaults({ schema, value, part }, parsed.error.issues);
    return { error: new AppError("invalid_input", message, { hint: "See what is expected: /docs" }) };
  });
  server.setSerializerCompiler(serializerCompiler);
  return server;
}

function unrouted(requestId: string, status: number): Parameters<Log["request"]>[0] {
  return { requestId, method: "none", route: "none", status, ms: 0, actor: undefined };
}

/** Also what a plugin or a line elsewhere adds to Fastify itself. */
function refuseUndeclared(server: FastifyInstance, routes: readonly Route[]): void {
  const mute = routes.filter(({ response }) => Object.keys(response).length === 0);
  if (mute.length > 0) {
    throw new AppError("internal", `these routes declare no answer: ${mute.map(({ path }) => path).join("; ")}`);
  }
  const added: RouteOptions[] = [];
  server.addHook("onRoute", (route) => {
    added.push(route);
  });
  server.addHook("onReady", async () => {
    const open = added.filter(({ config }) => config?.permission === undefined);
    if (open.length === 0) return;
    const names = open.map(({ method, url }) => `${[method].flat().join(",")} ${url}`);
    throw new AppError("internal", `these routes declare no permission: ${names.join("; ")}`);
  });
}

function addHooks(server: FastifyInstance, options: HttpOptions, headers: Record<string, string>): void {
  server.addHook("onRequest", async (request, reply) => {
    reply.headers({ ...headers, "x-request-id": request.id });
    const asked = readAsked(request);
    checkHost(asked, options.publicUrl);
    checkOrigin(asked);
  });
  server.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const given = { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    options.observe?.(given);
    options.log.request({ requestId: request.id, ...given, actor: findActor(request)?.name });
  });
  server.setNotFoundHandler((request, reply) => {
    const { status, error, allow } = describeMissing(options.routes, request);
    if (allow !== undefined) reply.header("allow", allow);
    return reply.code(status).send(describeError(error, request.id).reply);
  });
  server.setErrorHandler((error, request, reply) => {
    const { url = "none", bodyLimit, config } = request.routeOptions;
    const { status, reply: told, isBug } = describeError(options.explain?.(error) ?? error, request.id, { bodyLimit });
    if (isBug) options.log.fault(`${request.method} ${url}`, error, request.id);
    const tellFailure = config.tellFailure ?? tellOurs;
    const { contentType, body } = tellFailure({ ...told.error, status }, request.headers["content-type"] ?? "");
    if (status === 503) reply.header("retry-after", String(retryAfterSeconds));
    return reply.code(status).header("content-type", contentType).send(body);
  });
}

const tellOurs: TellFailure = ({ status: _status, ...error }) => ({
  contentType: "application/json; charset=utf-8",
  body: JSON.stringify({ error }),
});
