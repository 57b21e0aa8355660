/** One route on Fastify: who asks and whether he may, the input as the route knows it, and the answer held to what was declared. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { AppError } from "#errors.ts";

import { describeSchema } from "./docs.ts";
import { writeEvents } from "./events-reply.ts";
import { addIntake } from "./intake.ts";
import type { Log } from "./log.ts";
import { type Actor, allows, listAllowed, type Permission, type ScopeEnvironment } from "./permission.ts";
import type { Route, RouteReply, RouteRequest } from "./route.ts";
import { checkSessionProof, readAsked } from "./security.ts";

export type Authenticate = (credentials: {
  authorization: string | undefined;
  sessionCookie: string | undefined;
  address: string;
}) => Promise<{ actor: Actor; csrfProtected: boolean } | undefined>;

type Handling = {
  authenticate: Authenticate;
  sessionCookie: string;
  log: Log;
  headers: Record<string, string>;
  heartbeatMs: number;
  /** Aborted when the server stops. */
  stopping: AbortSignal;
};

/** Who sent a request, for as long as it lasts. */
const actors = new WeakMap<FastifyRequest, Actor>();

/** Undefined until it is known, and on public routes. */
export function findActor(request: FastifyRequest): Actor | undefined {
  return actors.get(request);
}

/** A route with an intake gets a scope of its own: what it takes, no other does. */
export async function addRoute(server: FastifyInstance, route: Route, handling: Handling): Promise<void> {
  const { intake } = route;
  if (intake === undefined) return declareRoute(server, route, handling);
  await server.register(async (scope) => {
    addIntake(scope, intake);
    declareRoute(scope, route, handling);
  });
}

function declareRoute(server: FastifyInstance, route: Route, handling: Handling): void {
  server.route({
    method: route.method,
    url: route.path,
    config: {
      permission: route.permission,
      ...(route.etag === undefined ? {} : { etag: route.etag }),
      ...(route.tellFailure === undefined ? {} : { tellFailure: route.tellFailure }),
    },
    ...(route.intake === undefined ? {} : { bodyLimit: route.intake.limitBytes }),
    schema: describeSchema(route),
    onRequest: (request, reply) => authenticateRequest(route, handling, request, reply),
    preHandler: async (request) => {
      const environment = await chooseEnvironment(route, request);
      if (!mayCall(route, actors.get(request), environment)) throw refuse(route.permission, environment);
    },
    handler: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => {
        // Also closed once everything was sent: nobody waits for a signal then.
        if (!reply.raw.writableFinished) gone.abort();
      });
      const signal = AbortSignal.any([gone.signal, handling.stopping]);
      const given = await route.handle(readRequest(request, signal));
      if (given.events === undefined) return sendAnswer(route, given, reply);
      reply.hijack();
      // Its source ends with the stream, whoever ended that.
      reply.raw.once("close", () => gone.abort());
      await writeEvents(reply.raw, given.events, {
        headers: { ...handling.headers, ...given.headers, "x-request-id": request.id },
        signal,
        heartbeatMs: handling.heartbeatMs,
        isStillAllowed: async () => {
          const found = route.permission === "public" ? undefined : await findCaller(handling, request);
          return mayCall(route, found?.actor, await chooseEnvironment(route, request));
        },
        onFault: (error) => handling.log.fault(`${request.method} ${route.path}`, error, request.id),
      });
      return reply;
    },
  });
}

function mayCall({ permission }: Route, actor: Actor | undefined, environment: ScopeEnvironment | "any"): boolean {
  if (permission === "public" || actor === undefined) return permission === "public";
  if (environment === "any") return listAllowed(actor.scopes, permission).length > 0;
  return allows(actor.scopes, permission, environment);
}

/** Before the body is read. Whether the permission holds where it must is known after it. */
async function authenticateRequest(
  route: Route,
  handling: Handling,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (route.permission === "public") return;
  const found = await findCaller(handling, request);
  if (found === undefined) {
    const isBrowser = (request.headers.accept ?? "").includes("text/html");
    if (route.raw === "page" && isBrowser) return void reply.redirect("/sign-in", 303);
    reply.header("www-authenticate", "Bearer");
    throw new AppError("unauthenticated", "no valid token or session came with this request", {
      hint: "Send Authorization: Bearer TOKEN (leveredge tokens create), or sign in: leveredge sign-in",
    });
  }
  if (!found.csrfProtected) checkSessionProof(readAsked(request));
  if (!mayCall(route, found.actor, "any")) throw refuse(route.permission, "any");
  actors.set(request, found.actor);
}

function findCaller(handling: Handling, request: FastifyRequest): ReturnType<Authenticate> {
  return handling.authenticate({
    authorization: request.headers.authorization,
    sessionCookie: request.cookies[handling.sessionCookie],
    address: request.ip,
  });
}

function refuse(permission: Permission | "public", environment: ScopeEnvironment | "any"): AppError {
  const scope = environment === "any" ? permission : `${permission}:${environment}`;
  return new AppError("forbidden", `this needs ${scope}`, { hint: "Use a token or a user that holds it." });
}

async function chooseEnvironment(
  { environment = "shared" }: Route,
  request: FastifyRequest,
): Promise<ScopeEnvironment | "any"> {
  // Parsed by the route's schemas before.
  const { params, body, query } = request;
  return typeof environment === "string" ? environment : environment({ params, body, query });
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
    bytes: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    actor: actors.get(request),
    address: request.ip,
    requestId: request.id,
    // Node gives every header as text or a list of texts.
    headers: Object.fromEntries(headers) as Record<string, string>,
    cookies: request.cookies,
    signal,
  };
}

/** A status that the route does not declare has no schema to be held to: it is not sent. */
function sendAnswer(route: Route, given: RouteReply, reply: FastifyReply): FastifyReply {
  const [first = "200"] = Object.keys(route.response);
  const status = given.status ?? Number(first);
  if (!(status in route.response)) throw new AppError("internal", `${route.path} answered an undeclared ${status}`);
  reply.code(status).headers(given.headers ?? {});
  if (route.raw !== undefined) return reply.serializer(String).send(given.body);
  return given.body === undefined ? reply.send() : reply.send(given.body);
}
