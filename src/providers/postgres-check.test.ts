import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";

import { createOutbound } from "#outbound/outbound.ts";
import { Secret } from "#secrets/secret.ts";
import { startTcpPostgres } from "#test/tcp-postgres.ts";

import { allProviders } from "./all.ts";
import { type CheckAnswer, checkFields } from "./ask.ts";

async function check(
  t: TestContext,
  url: string,
  outside: Record<string, { url: string; allow_private: boolean }>,
): Promise<CheckAnswer> {
  const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
  t.after(() => outbound.close());
  const provider = allProviders.find(({ name }) => name === "generic_postgres");
  assert.ok(provider);
  const tools = { outbound, outside, now: () => new Date() };
  return checkFields(tools, provider, { connection_url: new Secret(url) }, { signal: new AbortController().signal });
}

test("a password that lets in is live with its end and its role; a wrong one is invalid; what nobody can tell is unknown", async (t) => {
  const server = await startTcpPostgres(t);
  const { port } = server;
  const app = await server.role("login password 'right-password' valid until '2030-01-01 00:00:00+00'");
  const shutOut = await server.role("nologin password 'right-password'");
  const outside = { generic_postgres: { url: `postgres://127.0.0.1:${port}`, allow_private: true } };
  const ask = (user: string, password: string, database = "postgres") =>
    check(t, `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`, outside);

  const live = await ask(app, "right-password");
  const wrong = await ask(app, "wrong-password-xyz");
  const nowhere = await ask(app, "right-password", "nosuchdb");
  const shut = await ask(shutOut, "right-password");

  assert.deepEqual(
    [live.verdict, live.expiresAt, live.identity],
    ["valid", "2030-01-01T00:00:00.000Z", app],
    live.detail,
  );
  assert.deepEqual([wrong.verdict, wrong.status], ["invalid", "28P01"]);
  assert.equal(nowhere.verdict, "valid");
  assert.equal(shut.verdict, "unknown");
  assert.ok(!JSON.stringify([live, wrong]).includes("password-xyz"));
});

test("a server that is not public, that is down, or that is named through this host's files is not talked to", async (t) => {
  const closed = { generic_postgres: { url: "postgres://127.0.0.1:1", allow_private: true } };

  const loopback = await check(t, "postgresql://u:p@127.0.0.1:5432/d", {});
  const elsewhere = await check(t, "postgresql://u:p@127.0.0.1:5432/d", closed);
  const down = await check(t, "postgresql://u:p@127.0.0.1:1/d", closed);
  const socket = await check(t, "postgresql://u:p@%2Frun%2Fpg/d", {});
  const file = await check(t, "postgresql://u:p@db.example.com/d?sslrootcert=/etc/passwd", {});

  assert.deepEqual(
    [loopback, elsewhere, down, socket, file].map(({ verdict, status }) => [verdict, status]),
    [
      ["unknown", null],
      ["unknown", null],
      ["provider_down", null],
      ["unknown", null],
      ["unknown", null],
    ],
  );
  assert.match(loopback.detail, /not public/);
  assert.match(file.detail, /names a socket, a certificate file or options of this host/);
});

test("a server that takes the connection and says nothing is left when the time is over", async (t) => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  // A listening TCP server has an address with a port.
  const { port } = silent.address() as AddressInfo;
  const outside = { generic_postgres: { url: `postgres://127.0.0.1:${port}`, allow_private: true } };
  const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
  t.after(() => outbound.close());
  const provider = allProviders.find(({ name }) => name === "generic_postgres");
  assert.ok(provider);
  const fields = { connection_url: new Secret(`postgresql://u:p@127.0.0.1:${port}/d`) };
  const tools = { outbound, outside, now: () => new Date() };

  const answer = await checkFields(tools, provider, fields, { signal: new AbortController().signal, limitMs: 300 });

  assert.equal(answer.verdict, "provider_down");
  assert.match(answer.detail, /no answer within 0.3 seconds/);
  const open = [...sockets].filter(({ closed }) => !closed);
  await Promise.all(open.map((socket) => once(socket.resume(), "close")));
});
