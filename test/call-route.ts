/** Calls a route as the server does: input parsed by its schemas, the reply held against its own. */
import assert from "node:assert/strict";

import type { Actor } from "#http/permission.ts";
import type { Route, RouteReply } from "#http/route.ts";

export const testActor: Actor = { name: "user:damon", role: "admin", scopes: ["*:*:*"], via: "token" };

/** `call`: `POST /mirror/apply`, the path as the route declares it. */
export async function callRoute(
  routes: readonly Route[],
  call: string,
  input: { params?: unknown; query?: unknown; body?: unknown; headers?: Record<string, string>; bytes?: string } = {},
): Promise<RouteReply & { body: Record<string, unknown> }> {
  const route = routes.find(({ method, path }) => `${method} ${path}` === call);
  assert.ok(route, call);
  const reply = await route.handle({
    params: route.params?.parse(input.params),
    query: route.query?.parse(input.query ?? {}),
    body: route.body?.parse(input.body),
    bytes: Buffer.from(input.bytes ?? ""),
    actor: testActor,
    address: "127.0.0.1",
    requestId: "test",
    headers: input.headers ?? {},
    cookies: {},
    signal: new AbortController().signal,
  });
  const [first = 200] = Object.keys(route.response).map(Number);
  const shape = route.response[reply.status ?? first];
  const sent: unknown = JSON.parse(JSON.stringify(reply.events === undefined ? shape?.parse(reply.body) : {}));
  assert.ok(typeof sent === "object" && sent !== null);
  return { ...reply, body: { ...sent } };
}
