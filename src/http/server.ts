/**
 * The HTTP server: Fastify, built from a list of routes as data. It knows no
 * domain; who asks is told by `authenticate`.
 *
 * - A route without a permission stops the start, whoever added it.
 * - Input and output are parsed by the route's schemas; an answer that does not
 *   fit is a fault of ours, logged and not sent.
 * - A request is authenticated before its body is read.
 */
import cookie from "@fastify/cookie";
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteOptions } from "fastify";
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { z } from "zod";

import { AppError } from "#errors.ts";

import { describeError, ErrorReply } from "./errors.ts";
import { writeEvents } from "./events-reply.ts";
import type { Log } from "./log.ts";
import { type Actor, allows, type Permission, type ScopeEnvironment } from "./permission.ts";
import type { Route, RouteReply, RouteRequest } from "./route.ts";
import { checkHost, checkOrigin, checkSessionProof, securityHeaders } from "./security.ts";

export type Authenticate = (credentials: {
  authorization: string | undefined;
  sessionCookie: string | undefined;
  address: string;
}) => Promise<{ actor: Actor; csrfProtected: boolean } | undefined>;

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
  /** How long closing waits for what is being answered, or still being sent. Default 10 s. */
  closeWithinMs?: number;
};

const longestBody = 1024 * 1024;
const slowRequestMs = 30_000;
const slowHeadersMs = 10_000;
const closeWithinMs = 10_000;
const mostConnections = 512;
const environments: readonly ScopeEnvironment[] = ["dev", "prod", "shared"];

declare module "fastify" {
  // Merging is Fastify's own way to give a route and a request fields of ours.
  // oxlint-disable-next-line typescript/consistent-type-definitions
  interface FastifyContextConfig {
    permission?: Permission | "public";
  }
}

/** Ready to listen. Closing it ends event streams and waits for what is being answered. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const server = Fastify({
    logger: false,
    bodyLimit: longestBody,
    requestTimeout: slowRequestMs,
    http: { headersTimeout: slowHeadersMs, connectionsCheckingInterval: 5_000 },
    // What cannot even be read as a request is answered in the one form too.
    frameworkErrors: (error, request, reply) => {
      const { status, reply: body } = describeError(error, request.id);
      // Its type knows no reply of this kind, because no route was found.
      void (reply as FastifyReply).headers(securityHeaders).code(status).send(body);
    },
    keepAliveTimeout: 10_000,
    genReqId: () => crypto.randomUUID(),
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 200 },
    forceCloseConnections: "idle",
    return503OnClosing: true,
  });
  server.server.maxConnections = mostConnections;
  // JSON alone: a form of another site can send text without asking.
  server.removeContentTypeParser("text/plain");
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  refuseUndeclared(server);
  await server.register(cookie);
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "LeverEdge", version: options.version, description: "The control plane's API." },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });
  addHooks(server, options);
  const stopping = new AbortController();
  server.addHook("preClose", async () => {
    stopping.abort();
    setTimeout(() => server.server.closeAllConnections(), options.closeWithinMs ?? closeWithinMs).unref();
  });
  const bare = options.routes.filter(({ response }) => Object.keys(response).length === 0);
  if (bare.length > 0)
    throw new AppError("internal", `these routes declare no answer: ${bare.map(({ path }) => path).join("; ")}`);
  for (const route of options.routes) addRoute(server, route, options, stopping.signal);
  await addDocs(server);
  await server.ready();
  return server;
}

/** Also what a plugin or a line elsewhere adds to Fastify itself. */
function refuseUndeclared(server: FastifyInstance): void {
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

function addHooks(server: FastifyInstance, options: HttpOptions): void {
  server.decorateRequest("actor", undefined);
  server.addHook("onRequest", async (request, reply) => {
    reply.headers({ ...securityHeaders, "x-request-id": request.id });
    const asked = readAsked(request);
    checkHost(asked, options.publicUrl);
    checkOrigin(asked);
  });
  server.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const given = { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    options.observe?.(given);
    options.log.request({ requestId: request.id, ...given, actor: actors.get(request)?.name });
  });
  server.setNotFoundHandler((request, reply) => {
    const error = new AppError("not_found", "there is nothing under this method and path", { hint: "See /docs" });
    return reply.code(error.status).send(describeError(error, request.id).reply);
  });
  server.setErrorHandler((error, request, reply) => {
    const { status, reply: body, isBug } = describeError(error, request.id);
    if (isBug) options.log.fault(`${request.method} ${request.routeOptions.url ?? "none"}`, error, request.id);
    return reply.code(status).header("content-type", "application/json; charset=utf-8").send(body);
  });
}

function readAsked({ method, headers }: FastifyRequest): Parameters<typeof checkOrigin>[0] {
  return { method, host: headers.host, headers };
}

/** Who sent a request, for as long as it lasts. */
const actors = new WeakMap<FastifyRequest, Actor>();

function addRoute(server: FastifyInstance, route: Route, options: HttpOptions, stopping: AbortSignal): void {
  server.route({
    method: route.method,
    url: route.path,
    config: { permission: route.permission },
    schema: describeSchema(route),
    onRequest: (request, reply) => authenticateRequest(route, options, request, reply),
    preHandler: async (request) => {
      const environment = chooseEnvironment(route, request);
      const actor = actors.get(request);
      if (route.permission === "public" || (actor !== undefined && allows(actor.scopes, route.permission, environment)))
        return;
      throw refuse(route.permission, environment);
    },
    handler: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      const signal = AbortSignal.any([gone.signal, stopping]);
      return answer(route, await route.handle(readRequest(request, signal)), reply, {
        signal,
        isStillAllowed: async () => route.permission === "public" || (await findCaller(options, request)) !== undefined,
        onFault: (error) => options.log.fault(`${request.method} ${route.path}`, error, request.id),
      });
    },
  });
}

/** Before the body is read. Whether the permission holds where it must is known after it. */
async function authenticateRequest(
  route: Route,
  options: HttpOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (route.permission === "public") return;
  const found = await findCaller(options, request);
  if (found === undefined) {
    const isBrowser = (request.headers.accept ?? "").includes("text/html");
    if (route.raw === "page" && isBrowser) return void reply.redirect("/sign-in", 303);
    reply.header("www-authenticate", "Bearer");
    throw new AppError("unauthenticated", "no valid token or session came with this request", {
      hint: "Send Authorization: Bearer TOKEN (leveredge tokens create), or sign in: leveredge sign-in",
    });
  }
  if (!found.csrfProtected) checkSessionProof(readAsked(request));
  const { permission } = route;
  if (!environments.some((environment) => allows(found.actor.scopes, permission, environment))) {
    throw refuse(permission, undefined);
  }
  actors.set(request, found.actor);
}

function findCaller(options: HttpOptions, request: FastifyRequest): ReturnType<Authenticate> {
  return options.authenticate({
    authorization: request.headers.authorization,
    sessionCookie: request.cookies[options.sessionCookie],
    address: request.ip,
  });
}

function refuse(permission: Permission | "public", environment: ScopeEnvironment | undefined): AppError {
  const scope = environment === undefined ? permission : `${permission}:${environment}`;
  return new AppError("forbidden", `this needs ${scope}`, { hint: "Use a token or a user that holds it." });
}

function chooseEnvironment({ environment = "shared" }: Route, request: FastifyRequest): ScopeEnvironment {
  // Parsed by the route's schemas before.
  const { params, body } = request;
  return typeof environment === "string" ? environment : environment({ params, body });
}

function describeSchema(route: Route): Record<string, unknown> {
  const response = Object.fromEntries(
    Object.entries(route.response).map(([status, schema]) => [status, schema ?? z.null().describe("no body")]),
  );
  const needs = route.permission === "public" ? "Needs no token." : `Needs \`${route.permission}\`.`;
  return {
    hide: route.raw === "page",
    tags: [route.path.split("/")[1] ?? ""],
    summary: route.summary,
    description: [route.description, needs].filter((part) => part !== undefined).join("\n\n"),
    ...(route.permission === "public" ? { security: [] } : {}),
    ...(route.params === undefined ? {} : { params: route.params }),
    ...(route.query === undefined ? {} : { querystring: route.query }),
    ...(route.body === undefined ? {} : { body: route.body }),
    response: route.raw === "page" ? undefined : { ...response, "4xx": ErrorReply, "5xx": ErrorReply },
  };
}

function readRequest(request: FastifyRequest, signal: AbortSignal): RouteRequest {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, [value].flat().join(", ")]);
  // Parsed by the route's schemas, or undefined where it has none.
  const input = { params: request.params, query: request.query, body: request.body } as Pick<
    RouteRequest,
    "params" | "query" | "body"
  >;
  return {
    ...input,
    actor: actors.get(request),
    address: request.ip,
    requestId: request.id,
    // Node gives every header as text or a list of texts.
    headers: Object.fromEntries(headers) as Record<string, string>,
    cookies: request.cookies,
    signal,
  };
}

type Stream = { signal: AbortSignal; isStillAllowed(): Promise<boolean>; onFault(error: unknown): void };

async function answer(route: Route, given: RouteReply, reply: FastifyReply, stream: Stream): Promise<unknown> {
  if (given.events !== undefined) {
    reply.hijack();
    await writeEvents(reply.raw, given.events, { ...stream, headers: { ...securityHeaders, ...given.headers } });
    return reply;
  }
  const [first = "200"] = Object.keys(route.response);
  const status = given.status ?? Number(first);
  if (!(status in route.response)) throw new AppError("internal", `${route.path} answered an undeclared ${status}`);
  reply.code(status).headers(given.headers ?? {});
  if (route.raw !== undefined) return reply.serializer(String).send(given.body);
  return given.body === undefined ? reply.send() : reply.send(given.body);
}

/** Its page has styles inside, which ours have not; everything else is as strict. */
const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

async function addDocs(server: FastifyInstance): Promise<void> {
  const { default: swaggerUi } = await import("@fastify/swagger-ui");
  await server.register(async (docs) => {
    docs.addHook("onRoute", (route) => {
      route.config = { ...route.config, permission: "public" };
    });
    await docs.register(swaggerUi, {
      routePrefix: "/docs",
      staticCSP: docsPolicy,
      uiConfig: { validatorUrl: null },
      logo: { type: "image/svg+xml", content: Buffer.from(logo) },
    });
  });
}

const logo = `<svg xmlns="http://www.w3.org/2000/svg" width="140" height="40"><text x="0" y="27" fill="#fff" font-family="system-ui,sans-serif" font-size="22" font-weight="700">LeverEdge</text></svg>`;
