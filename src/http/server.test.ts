import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";

import type { FastifyInstance } from "fastify";
import { z } from "zod";

import { AppError } from "#errors.ts";

import { createLog } from "./log.ts";
import type { Actor } from "./permission.ts";
import { type Route, route } from "./route.ts";
import { createHttpServer } from "./server.ts";

const viewer: Actor = { name: "user:vera", role: "viewer", scopes: ["*:read:*"], via: "token" };
const operator: Actor = { name: "user:otto", role: "operator", scopes: ["*:*:dev", "*:read:*"], via: "token" };
const canary = "canary-7f3a9";

const routes: Route[] = [
  route({
    method: "GET",
    path: "/things/:name",
    summary: "a thing",
    permission: "things:read",
    params: z.object({ name: z.string().max(20) }),
    query: z.object({ limit: z.coerce.number().int().max(10).default(5) }),
    response: { 200: z.object({ name: z.string(), limit: z.number() }) },
    handle: async ({ params, query }) => ({ body: { name: params.name, limit: query.limit } }),
  }),
  route({
    method: "POST",
    path: "/things",
    summary: "make a thing",
    permission: "things:make",
    environment: ({ body }) => body.environment,
    body: z.strictObject({ name: z.string(), environment: z.enum(["dev", "prod"]) }),
    response: { 201: z.object({ name: z.string() }) },
    handle: async ({ body }) => ({ body: { name: body.name } }),
  }),
  route({
    method: "POST",
    path: "/parcels",
    summary: "takes bytes",
    permission: "things:make",
    environment: "any",
    intake: { types: ["application/json", "application/x-parcel"], limitBytes: 2 * 1024 * 1024 },
    tellFailure: ({ status, code }, contentType) => ({
      contentType: "application/x-parcel",
      body: Buffer.from(`${status} ${code} ${contentType}`),
    }),
    response: { 200: undefined },
    handle: async ({ bytes }) => ({ body: Buffer.from(String(bytes.length)), headers: { "content-type": "a/b" } }),
  }),
  route({
    method: "GET",
    path: "/wrong",
    summary: "answers what it should not",
    permission: "public",
    response: { 200: z.object({ count: z.number() }) },
    handle: async () => ({ body: { count: canary } }),
  }),
  route({
    method: "GET",
    path: "/broken",
    summary: "throws",
    permission: "public",
    response: { 200: z.object({}) },
    handle: () => Promise.reject(new Error("it broke", { cause: new Error("password=hunter2hunter2") })),
  }),
  route({
    method: "GET",
    path: "/away",
    summary: "meets what the server's owner can explain",
    permission: "public",
    response: { 200: z.object({}) },
    handle: () => Promise.reject(new Error("away")),
  }),
  route({
    method: "GET",
    path: "/refused",
    summary: "refuses",
    permission: "public",
    response: { 200: z.object({}) },
    handle: () => Promise.reject(new AppError("conflict", "it is there already", { hint: "Choose another." })),
  }),
  route({
    method: "GET",
    path: "/ticks",
    summary: "events",
    permission: "public",
    response: { 200: z.object({}) },
    handle: async ({ signal }) => ({ events: tick(signal) }),
  }),
  route({
    method: "GET",
    path: "/broken-ticks",
    summary: "events of a source that fails",
    permission: "public",
    response: { 200: z.object({}) },
    handle: async () => ({ events: breakDown() }),
  }),
  route({
    method: "GET",
    path: "/undeclared",
    summary: "answers a status that it did not declare",
    permission: "public",
    response: { 200: z.object({}) },
    handle: async () => ({ status: 201, body: { canary } }),
  }),
  route({
    method: "GET",
    path: "/address",
    summary: "where the request comes from",
    permission: "public",
    response: { 200: z.object({ address: z.string() }) },
    handle: async ({ address }) => ({ body: { address } }),
  }),
  route({
    method: "GET",
    path: "/page",
    summary: "a page",
    permission: "things:read",
    raw: "page",
    response: { 200: z.string() },
    handle: async () => ({ body: "<p>", headers: { "content-type": "text/html" } }),
  }),
];

async function* breakDown() {
  yield { data: {} };
  await Promise.reject(new Error("the source broke"));
}

async function* tick(signal: AbortSignal) {
  yield { id: "1", event: "tick", data: { text: "one\ntwo" } };
  yield { id: "2", data: {} };
  if (signal.aborted) return;
}

type Opened = { server: FastifyInstance; lines: string[]; revoked: Set<string> };

async function open(t: TestContext, more: Route[] = []): Promise<Opened> {
  const lines: string[] = [];
  const revoked = new Set<string>();
  const server = await createHttpServer({
    routes: [...routes, ...more],
    authenticate: async ({ authorization = "", sessionCookie }) => {
      if (revoked.has(authorization)) return undefined;
      if (authorization === "Bearer viewer") return { actor: viewer, csrfProtected: true };
      if (authorization === "Bearer operator") return { actor: operator, csrfProtected: true };
      return sessionCookie === "open" ? { actor: { ...operator, via: "session" }, csrfProtected: false } : undefined;
    },
    sessionCookie: "__Host-test",
    version: "1.0.0",
    publicUrl: "https://ops.example.com",
    limits: { closeMs: 50, headersMs: 100, requestMs: 200, lookMs: 20, heartbeatMs: 20 },
    log: createLog({ write: (line) => lines.push(line) }),
    explain: (error) =>
      error instanceof Error && error.message === "away" ? new AppError("unavailable", "the store is away") : undefined,
  });
  t.after(() => server.close());
  return { server, lines, revoked };
}

const asViewer = { host: "localhost:8020", authorization: "Bearer viewer" };
const asOperator = { host: "localhost:8020", authorization: "Bearer operator" };
const withSession = { host: "localhost:8020", cookie: "__Host-test=open" };

test("input is parsed and the answer has the form of its schema", async (t) => {
  const { server } = await open(t);

  const answer = await server.inject({ url: "/things/hammer?limit=3", headers: asViewer });

  assert.equal(answer.statusCode, 200);
  assert.deepEqual(answer.json(), { name: "hammer", limit: 3 });
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.match(String(answer.headers["content-security-policy"]), /default-src 'none'/);
});

test("a refused input names its field and not its value, an unknown key too", async (t) => {
  const { server } = await open(t);

  const query = await server.inject({ url: `/things/hammer?limit=${canary}`, headers: asViewer });
  const body = { name: "x", environment: "dev", [canary]: canary };
  const unknown = await server.inject({ method: "POST", url: "/things", headers: asOperator, payload: body });

  assert.equal(query.statusCode, 400);
  assert.match(
    query.json<{ error: { message: string } }>().error.message,
    /^limit: expected a whole number of at most 10$/,
  );
  assert.ok(!query.body.includes(canary));
  assert.equal(unknown.statusCode, 400);
  assert.ok(!unknown.body.includes(canary));
});

test("a key that a query does not know is refused with those it knows", async (t) => {
  const { server } = await open(t);

  const answer = await server.inject({ url: "/things/hammer?lmit=3", headers: asViewer });

  assert.equal(answer.statusCode, 400);
  assert.match(answer.body, /"the query has a key that is not known: lmit; known here: limit"/);
});

test("who shows nothing is unauthenticated, who may not is forbidden, in the environment that is meant", async (t) => {
  const { server } = await open(t);
  const post = (headers: Record<string, string>, environment: string) =>
    server.inject({ method: "POST", url: "/things", headers, payload: { name: "x", environment } });

  const codes = [
    await post({ host: "localhost" }, "dev"),
    await post(asViewer, "dev"),
    await post(asOperator, "prod"),
    await post(asOperator, "dev"),
  ].map(({ statusCode }) => statusCode);

  assert.deepEqual(codes, [401, 403, 403, 201]);
});

test("a session changes something only with our header, from our own site, as JSON", async (t) => {
  const { server } = await open(t);
  const post = (headers: Record<string, string>) =>
    server.inject({
      method: "POST",
      url: "/things",
      headers: { ...withSession, "content-type": "application/json", ...headers },
      payload: JSON.stringify({ name: "x", environment: "dev" }),
    });
  const proof = { "x-leveredge": "1" };

  const codes = [
    await post({}),
    await post({ ...proof, origin: "https://evil.example" }),
    await post({ ...proof, "sec-fetch-site": "cross-site" }),
    await post({ ...proof, "content-type": "text/plain" }),
    await post({ ...proof, origin: "http://localhost:8020", "sec-fetch-site": "same-origin" }),
  ].map(({ statusCode }) => statusCode);

  assert.deepEqual(codes, [403, 403, 403, 415, 201]);
});

test("a name that is not ours is refused, ours and the public one are not", async (t) => {
  const { server } = await open(t);
  const ask = async (host: string) => (await server.inject({ url: "/refused", headers: { host } })).statusCode;

  assert.deepEqual(
    [await ask("evil.example"), await ask("127.0.0.1:8020"), await ask("[::1]:8020"), await ask("ops.example.com")],
    [403, 409, 409, 409],
  );
});

test("every failure has one form, and what nobody expected is told in the log alone", async (t) => {
  const { server, lines } = await open(t);
  const ask = async (url: string) => (await server.inject({ url, headers: asViewer })).json<{ error: unknown }>();

  const refused = await ask("/refused");
  const missing = await ask("/nothing");
  const broken = await server.inject({ url: "/broken", headers: asViewer });
  const wrong = await server.inject({ url: "/wrong", headers: asViewer });

  const { requestId, ...rest } = refused.error as Record<string, unknown>;
  assert.deepEqual(rest, { code: "conflict", message: "it is there already", hint: "Choose another." });
  assert.equal(typeof requestId, "string");
  assert.equal((missing.error as Record<string, unknown>)["code"], "not_found");
  assert.deepEqual([broken.statusCode, wrong.statusCode], [500, 500]);
  assert.ok(!broken.body.includes("broke") && !wrong.body.includes(canary));
  const log = lines.join("");
  assert.match(log, /it broke/);
  assert.ok(log.includes(String(broken.headers["x-request-id"])));
  assert.ok(!log.includes("hunter2"));
});

test("a failure that the server's owner can explain is told in his words", async (t) => {
  const { server, lines } = await open(t);

  const answer = await server.inject({ url: "/away", headers: { host: "localhost" } });

  assert.equal(answer.statusCode, 503);
  assert.match(answer.body, /the store is away/);
  assert.equal(lines.length, 1);
});

test("nothing of URL, headers and body gets into the log", async (t) => {
  const { server, lines } = await open(t);

  await server.inject({
    method: "POST",
    url: `/things?token=${canary}`,
    headers: { ...asOperator, "x-secret": canary, cookie: `a=${canary}`, "user-agent": canary },
    payload: { name: canary, environment: "dev" },
  });
  await server.inject({ url: `/things/${canary}`, headers: { host: "localhost", authorization: `Bearer ${canary}` } });
  await server.inject({ url: `/nothing/${canary}`, headers: { host: canary } });

  assert.equal(lines.length, 3);
  assert.ok(!lines.join("").includes(canary), lines.join(""));
});

test("a body of ten megabytes is refused, before it is read where nobody is known", async (t) => {
  const { server } = await open(t);
  const payload = JSON.stringify({ name: "x".repeat(10 * 1024 * 1024), environment: "dev" });
  const post = (headers: Record<string, string>) =>
    server.inject({
      method: "POST",
      url: "/things",
      headers: { ...headers, "content-type": "application/json" },
      payload,
    });

  const [known, unknown] = [await post(asOperator), await post({ host: "localhost" })];

  assert.deepEqual([known.statusCode, unknown.statusCode], [413, 401]);
  assert.equal(known.json<{ error: { code: string } }>().error.code, "invalid_input");
});

test("an intake takes bytes of its own types and size, packed or not, and fails in its own form", async (t) => {
  const { server } = await open(t);
  const post = async (payload: string | Buffer, headers: Record<string, string>, url = "/parcels") => {
    const answer = await server.inject({ method: "POST", url, headers: { ...asOperator, ...headers }, payload });
    return [answer.statusCode, answer.body];
  };
  const parcel = { "content-type": "application/x-parcel" };
  const packed = { ...parcel, "content-encoding": "gzip" };
  const large = Buffer.alloc(2 * 1024 * 1024 + 1);

  const answers = [
    await post("abc", parcel),
    await post("{", { "content-type": "application/json; charset=utf-8" }),
    await post(gzipSync("abcd"), packed),
    await post(large, parcel),
    await post(gzipSync(large), packed),
    await post(gzipSync("abcd").subarray(0, 15), packed),
    await post("abc", { "content-type": "text/plain" }),
    await post("abc", { ...parcel, "content-encoding": "zstd" }),
  ];
  const elsewhere = await post("abc", parcel, "/things");
  const packedElsewhere = await post(gzipSync("{}"), { ...packed, "content-type": "application/json" }, "/things");

  assert.deepEqual(answers, [
    [200, "3"],
    [200, "1"],
    [200, "4"],
    [413, "413 invalid_input application/x-parcel"],
    [413, "413 invalid_input application/x-parcel"],
    [400, "400 invalid_input application/x-parcel"],
    [415, "415 invalid_input text/plain"],
    [400, "400 invalid_input application/x-parcel"],
  ]);
  assert.deepEqual([elsewhere[0], packedElsewhere[0]], [415, 400]);
});

test("a permission that may hold anywhere is refused to who has it nowhere", async (t) => {
  const { server } = await open(t);

  const answer = await server.inject({ method: "POST", url: "/parcels", headers: asViewer, payload: "" });

  assert.equal(answer.statusCode, 403);
});

test("a route that declares no permission stops the start, also one that is added to Fastify itself", async (t) => {
  const undeclared = { ...routes[0], path: "/open", permission: undefined } as unknown as Route;

  await assert.rejects(open(t, [undeclared]), /GET,? ?.*\/open/);
});

test("events arrive one by one, with ids, and end with their source", async (t) => {
  const { server } = await open(t);
  const url = await server.listen({ port: 0, host: "127.0.0.1" });

  const answer = await fetch(`${url}/ticks`);

  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  assert.equal(await answer.text(), 'id: 1\nevent: tick\ndata: {"text":"one\\ntwo"}\n\nid: 2\ndata: {}\n\n');
});

test("a stream ends with its source when its token is revoked, and a source that fails is logged", async (t) => {
  const source = Promise.withResolvers<string>();
  async function* goOn(signal: AbortSignal) {
    yield { data: {} };
    await once(signal, "abort");
    source.resolve("ended");
  }
  const endless = route({
    method: "GET",
    path: "/endless",
    summary: "events of a source that goes on",
    permission: "things:read",
    response: { 200: z.object({}) },
    handle: async ({ signal }) => ({ events: goOn(signal) }),
  });
  const { server, lines, revoked } = await open(t, [endless]);
  const url = await server.listen({ port: 0, host: "127.0.0.1" });

  const broken = await fetch(`${url}/broken-ticks`);
  assert.equal(await broken.text(), "data: {}\n\n");
  const stream = await fetch(`${url}/endless`, { headers: { authorization: "Bearer viewer" } });
  revoked.add("Bearer viewer");
  const text = await stream.text();

  assert.match(text, /^data: \{\}\n\n(: still here\n\n)+$/);
  assert.equal(await source.promise, "ended");
  assert.match(lines.join(""), /GET \/broken-ticks.*the source broke/);
});

test("a status that is not declared is a fault of ours, and a route that declares none stops the start", async (t) => {
  const { server } = await open(t);

  const answer = await server.inject({ url: "/undeclared", headers: { host: "localhost" } });

  assert.equal(answer.statusCode, 500);
  assert.ok(!answer.body.includes(canary));
  const mute = { ...routes[0], path: "/mute", response: {} } as Route;
  await assert.rejects(open(t, [mute]), /declare no answer: \/mute/);
});

test("a session reads without proof; a page leads browsers to sign in, and programs to a refusal", async (t) => {
  const { server } = await open(t);
  const ask = async (headers: Record<string, string>) =>
    (await server.inject({ url: "/page", headers: { host: "localhost", ...headers } })).statusCode;

  assert.deepEqual(
    [await ask({ cookie: withSession.cookie }), await ask({ accept: "text/html,*/*" }), await ask({ accept: "*/*" })],
    [200, 303, 401],
  );
});

test("a method that a path does not take is 405 with those it takes", async (t) => {
  const { server } = await open(t);

  const answer = await server.inject({ method: "DELETE", url: "/things/hammer?x=1", headers: asViewer });

  assert.equal(answer.statusCode, 405);
  assert.equal(answer.headers["allow"], "GET, HEAD");
  assert.match(answer.json<{ error: { message: string } }>().error.message, /^DELETE is not answered/);
});

test("with a public URL the proxy of this host says who asks, and browsers stay with https", async (t) => {
  const { server } = await open(t);
  const headers = { host: "ops.example.com", "x-forwarded-for": "203.0.113.7" };

  const proxied = await server.inject({ url: "/address", headers });
  const foreign = await server.inject({ url: "/address", headers, remoteAddress: "198.51.100.1" });

  assert.equal(proxied.json<{ address: string }>().address, "203.0.113.7");
  assert.equal(foreign.json<{ address: string }>().address, "198.51.100.1");
  assert.equal(proxied.headers["strict-transport-security"], "max-age=31536000");
});

test("the OpenAPI document is of version 3.1 and has each route with its permission", async (t) => {
  const { server } = await open(t);

  const answer = await server.inject({ url: "/docs/json", headers: { host: "localhost" } });

  const document = answer.json<{ openapi: string; paths: Record<string, Record<string, { description: string }>> }>();
  assert.equal(document.openapi, "3.1.0");
  assert.match(document.paths["/things/{name}"]?.["get"]?.description ?? "", /Needs `things:read`/);
  const page = await server.inject({ url: "/docs/", headers: { host: "localhost" } });
  assert.equal(page.statusCode, 200);
  const policy = String(page.headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
  assert.ok(!/https:|swagger/.test(policy), policy);
});
