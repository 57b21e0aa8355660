/**
 * A route as data: domains list them, `server.ts` builds Fastify and the OpenAPI
 * page from the list. Nothing is served that has no permission and no response
 * schema.
 */
import type { z } from "zod";

import { AppError } from "#errors.ts";

import type { ErrorReply } from "./errors.ts";
import type { Actor, Permission, ScopeEnvironment } from "./permission.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

type Shape = z.ZodType | undefined;
type Parsed<S extends Shape> = S extends z.ZodType ? z.output<S> : undefined;

export type Route<Params extends Shape = Shape, Query extends Shape = Shape, Body extends Shape = Shape> = {
  method: Method;
  /** With `:name` for each parameter: `/backups/:name/drills`. */
  path: string;
  /** One line for the list of operations. */
  summary: string;
  description?: string;
  /**
   * The body goes as it is: `text` for programs that read no JSON, `page` for
   * browsers, which are led to the sign-in page, and which `/docs` leaves out.
   */
  raw?: "text" | "page";
  /** `public` routes are those that prove nothing and change nothing: health, metrics on loopback, sign-in. */
  permission: Permission | "public";
  /** Where the permission must hold. Default `shared`. With `any` it must hold somewhere, and the route looks itself where. */
  environment?:
    | ScopeEnvironment
    | "any"
    | ((input: {
        params: Parsed<Params>;
        body: Parsed<Body>;
        query?: Parsed<Query>;
      }) => ScopeEnvironment | Promise<ScopeEnvironment>);
  /** The ETag for the document: `tells` answers one, `guards` compares `If-Match` before it changes anything, too. */
  etag?: "tells" | "guards";
  params?: Params;
  query?: Query;
  body?: Body;
  /** Takes a body as `bytes`, which the route reads itself, instead of JSON of the usual size. */
  intake?: Intake;
  /** Failures in a form that the route's clients know already. Default ours. */
  tellFailure?: TellFailure;
  /** The body of each success by status; errors have one form everywhere. An undefined schema means no body (204, 302). */
  response: Record<number, z.ZodType | undefined>;
  handle(request: RouteRequest<Params, Query, Body>): Promise<RouteReply>;
};

export type Intake = {
  /** Media types that are taken, also when they come gzipped. */
  types: readonly string[];
  /** Of the body as it is sent, and as it is unpacked. */
  limitBytes: number;
  /** What the description of the API says of it; nothing is parsed with it. */
  shape?: z.ZodType;
};

/** A failure as another protocol writes it; `contentType` is the request's. */
export type TellFailure = (
  failure: ErrorReply["error"] & { status: number },
  contentType: string,
) => { contentType: string; body: string | Buffer };

export type RouteRequest<Params extends Shape = Shape, Query extends Shape = Shape, Body extends Shape = Shape> = {
  params: Parsed<Params>;
  query: Parsed<Query>;
  body: Parsed<Body>;
  /** Of an intake; empty elsewhere. */
  bytes: Buffer;
  /** Undefined on public routes alone. */
  actor: Actor | undefined;
  /** Where the request comes from: the peer, or whom a trusted proxy names. */
  address: string;
  /** In logs and in the reply's header. */
  requestId: string;
  headers: Record<string, string | undefined>;
  cookies: Record<string, string | undefined>;
  /** Aborted when the caller goes away or the server stops. */
  signal: AbortSignal;
};

export type RouteReply = {
  /** Default: the first status of `response`. */
  status?: number;
  /** A Buffer goes as it is, under the content type that the headers say. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Server-sent events instead of a body: ends when the generator does. */
  events?: AsyncIterable<ServerSentEvent>;
};

export type ServerSentEvent = { id?: string; event?: string; data: unknown };

/** Keeps the types of params, query and body together; answers the route as it is. */
export function route<
  const Params extends Shape = undefined,
  const Query extends Shape = undefined,
  const Body extends Shape = undefined,
>(definition: Route<Params, Query, Body>): Route {
  // The list forgets what each route's input is; the server parses it with the route's own schemas first.
  return definition;
}

/** Who asks, on a route that is not public. */
export function requireActor(request: Pick<RouteRequest, "actor">): Actor {
  if (request.actor !== undefined) return request.actor;
  throw new AppError("unauthenticated", "nobody is signed in", {
    hint: "Send a token: Authorization: Bearer aegis_pat_…",
  });
}
