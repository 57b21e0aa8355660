import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";

import { SMTPServer, type SMTPServerOptions } from "smtp-server";

import { createOutbound } from "#outbound/outbound.ts";
import { Secret } from "#secrets/secret.ts";

import { allProviders } from "./all.ts";
import { type CheckAnswer, checkFields } from "./ask.ts";

async function startMailServer(t: TestContext, options: SMTPServerOptions): Promise<number> {
  const server = new SMTPServer({ disabledCommands: ["STARTTLS"], allowInsecureAuth: true, logger: false, ...options });
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise<void>((resolve) => server.close(resolve)));
  const address = server.server.address();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

async function check(
  t: TestContext,
  port: number,
  password: string,
  { isAllowed = true, limitMs = 10_000 }: { isAllowed?: boolean; limitMs?: number } = {},
): Promise<CheckAnswer> {
  const outside = isAllowed ? { generic_smtp: { url: `smtp://127.0.0.1:${port}`, allow_private: true } } : {};
  const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
  t.after(() => outbound.close());
  const provider = allProviders.find(({ name }) => name === "generic_smtp");
  assert.ok(provider);
  const fields = { host: "127.0.0.1", port: String(port), secure: "none", user: "robot", password };
  const secrets = Object.entries(fields).map(([name, value]) => [name, new Secret(value)] as const);
  const tools = { outbound, outside, now: () => new Date() };
  return checkFields(tools, provider, Object.fromEntries(secrets), { signal: new AbortController().signal, limitMs });
}

test("a login that is taken is live, and no mail is sent; what the server says of others decides", async (t) => {
  let mails = 0;
  const port = await startMailServer(t, {
    onAuth: ({ password }, _session, done) => {
      if (password === "right-password") return done(null, { user: "robot" });
      const [code, text] =
        password === "slow-down-now" ? [454, "4.7.0 Temporary authentication failure"] : [535, "5.7.8 Bad credentials"];
      done(Object.assign(new Error(text), { responseCode: code }));
    },
    onData: (stream, _session, done) => {
      mails += 1;
      stream.resume();
      done();
    },
  });

  const live = await check(t, port, "right-password");
  const wrong = await check(t, port, "wrong-password-xyz");
  const later = await check(t, port, "slow-down-now");

  assert.deepEqual([live.verdict, live.status, mails], ["valid", "235", 0], live.detail);
  assert.deepEqual([wrong.verdict, wrong.status], ["invalid", "535"], wrong.detail);
  assert.equal(later.verdict, "rate_limited", later.detail);
  assert.ok(!JSON.stringify([live, wrong, later]).includes("password-xyz"));
});

test("a server that offers no sign-in, is down or is not public says nothing about a password", async (t) => {
  const open = await startMailServer(t, { authOptional: true, disabledCommands: ["AUTH", "STARTTLS"] });

  const none = await check(t, open, "some-password");
  const down = await check(t, 1, "some-password");
  const hidden = await check(t, open, "some-password", { isAllowed: false });

  assert.equal(none.verdict, "unknown", none.detail);
  assert.equal(down.verdict, "provider_down", down.detail);
  assert.match(hidden.detail, /not public/);
  assert.equal(hidden.verdict, "unknown");
});

test("a server that greets nobody is left when the time is over", async (t) => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  // A listening TCP server has an address with a port.
  const { port } = silent.address() as AddressInfo;

  const answer = await check(t, port, "some-password", { limitMs: 300 });

  assert.equal(answer.verdict, "provider_down");
  assert.match(answer.detail, /no answer within 0.3 seconds/);
  const open = [...sockets].filter(({ closed }) => !closed);
  await Promise.all(open.map((socket) => once(socket.resume(), "close")));
});
