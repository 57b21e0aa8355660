import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";

import type { FastifyInstance } from "fastify";
import { z } from "zod";

import { ErrorReply } from "./errors.ts";
import { createLog } from "./log.ts";
import { route } from "./route.ts";
import { createHttpServer } from "./server.ts";

const manyBytes = "x".repeat(64 * 1024);

/** Never waits for its reader: only the socket slows it. */
async function* pour() {
  for (let count = 0; count < 10_000; count += 1) yield { data: manyBytes };
}

const routes = [
  route({
    method: "POST",
    path: "/things/:name",
    summary: "a thing",
    permission: "public",
    params: z.object({ name: z.string() }),
    body: z.strictObject({ size: z.number() }),
    response: { 204: undefined },
    handle: async () => ({}),
  }),
  route({
    method: "GET",
    path: "/flood",
    summary: "more than anybody reads",
    permission: "public",
    response: { 200: z.string() },
    handle: async () => ({ events: pour() }),
  }),
];

async function open(t: TestContext): Promise<{ server: FastifyInstance; port: number; lines: string[] }> {
  const lines: string[] = [];
  const server = await createHttpServer({
    routes,
    authenticate: async () => undefined,
    sessionCookie: "__Host-test",
    version: "1.0.0",
    publicUrl: undefined,
    limits: { closeMs: 100, headersMs: 100, requestMs: 200, lookMs: 20 },
    log: createLog({ write: (line) => lines.push(line) }),
  });
  t.after(() => server.close());
  await server.listen({ port: 0, host: "127.0.0.1" });
  const address = server.server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, port: address.port, lines };
}

async function openSocket(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** All that comes until the server ends the connection. */
async function send(
  t: TestContext,
  port: number,
  text: string,
): Promise<{ status: number; head: string; body: string }> {
  const socket = await openSocket(t, port);
  let all = "";
  socket.setEncoding("utf8").on("data", (part: string) => (all += part));
  socket.write(text);
  await once(socket, "close");
  const [head = "", body = ""] = all.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head: head.toLowerCase(), body };
}

test("bytes that are no request are refused in the one form, with its headers and a line in the log", async (t) => {
  const { port, lines } = await open(t);
  const end = "Host: localhost\r\nConnection: close\r\n\r\n";
  const cases: [text: string, status: number][] = [
    ["GARBAGE\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nX-Long: ${"x".repeat(20_000)}\r\n${end}`, 431],
    [`GET /a% HTTP/1.1\r\n${end}`, 400],
    [`POST /things/${"x".repeat(300)} HTTP/1.1\r\n${end}`, 414],
    ["GET /things HTTP/1.1\r\nConnection: close\r\n\r\n", 403],
  ];

  for (const [text, status] of cases) {
    const answer = await send(t, port, text);

    assert.equal(answer.status, status, text.slice(0, 40));
    const { error } = ErrorReply.parse(JSON.parse(answer.body));
    assert.ok(answer.head.includes(`x-request-id: ${error.requestId}`), answer.head);
    assert.match(answer.head, /content-security-policy: default-src 'none'/);
    assert.ok(lines.join("").includes(error.requestId));
  }
  assert.equal(lines.length, cases.length);
});

test("a client that does not finish its headers, or its body, is told so and cut off", async (t) => {
  const { port } = await open(t);

  const headers = await send(t, port, "GET /flood HTTP/1.1\r\nHost: localhost\r\n");
  const body = await send(
    t,
    port,
    'POST /things/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"size"',
  );

  assert.deepEqual([headers.status, body.status], [408, 408]);
});

test("closing waits neither for a client that reads nothing nor for one that sends nothing", async (t) => {
  const { server, port } = await open(t);
  const [reader] = [await openSocket(t, port), await openSocket(t, port)];
  reader.write("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(reader, "readable");

  await server.close();

  assert.ok(!server.server.listening);
});
