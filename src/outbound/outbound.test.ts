import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";

import { AppError } from "#errors.ts";
import { startOutsideServer } from "#test/outside-server.ts";

import { createOutbound, type Outbound, type OutsideEntry } from "./outbound.ts";

/** Answers one list of addresses after another; the last one for ever. */
type Names = Record<string, string[][]>;

function open(t: TestContext, outside: Record<string, OutsideEntry>, names: Names = {}): Outbound {
  const asked = new Map<string, number>();
  const resolve = (name: string, _options: unknown, answer: (error: Error | null, found: LookupAddress[]) => void) => {
    const round = asked.get(name) ?? 0;
    asked.set(name, round + 1);
    const answers = names[name] ?? [];
    const addresses = answers[Math.min(round, answers.length - 1)] ?? [];
    answer(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
  const outbound = createOutbound({
    outside,
    userAgent: "leveredge/test",
    // The overloads of dns.lookup cannot be written by one arrow function; this is the one that is called.
    resolve: resolve as unknown as NonNullable<Parameters<typeof createOutbound>[0]["resolve"]>,
  });
  t.after(() => outbound.close());
  return outbound;
}

function isCode(code: string, text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code && text.test(error.message);
}

test("a service is reached at the origin that the configuration names for it, with path and query", async (t) => {
  const server = await startOutsideServer(t, () => ({ status: 201, headers: { "x-seen": "yes" }, body: "made" }));
  const outbound = open(t, { telegram: { url: server.url, allow_private: true } });

  const answer = await outbound.request({
    service: "telegram",
    method: "POST",
    url: "https://api.telegram.org/bot1/sendMessage?x=1",
    headers: { "content-type": "application/json" },
    body: "{}",
  });

  assert.equal(answer.status, 201);
  assert.equal(answer.headers["x-seen"], "yes");
  assert.equal(answer.body, "made");
  const [asked] = server.asked;
  assert.equal(asked?.url, "/bot1/sendMessage?x=1");
  assert.equal(asked?.headers["user-agent"], "leveredge/test");
});

test("private addresses are refused as literals, by name, and by one of several answers", async (t) => {
  const outbound = open(t, {}, { "inside.example.com": [["10.0.0.7"]], "half.example.com": [["1.1.1.1", "::1"]] });
  const ask = (url: string) => outbound.request({ service: "webhook", method: "GET", url });

  for (const url of [
    "https://127.0.0.1/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://2130706433/",
    "https://169.254.169.254/latest/meta-data",
    "https://inside.example.com/",
    "https://half.example.com/",
  ]) {
    await assert.rejects(ask(url), isCode("invalid_input", /not public/), url);
  }
});

test("a name that turns private after it was judged is judged again for its next connection", async (t) => {
  const server = await startOutsideServer(t, () => ({ status: 200 }));
  const outbound = open(t, {}, { "turns.example.com": [["192.0.2.1"], ["127.0.0.1"]] });

  for (let round = 0; round < 2; round += 1) {
    const url = `https://turns.example.com:${server.port}/`;
    await assert.rejects(outbound.request({ service: "webhook", method: "GET", url, timeoutMs: 2_000 }));
  }

  assert.equal(server.asked.length, 0);
});

test("a name is resolved once for all who ask for it at that time", async (t) => {
  const running: string[] = [];
  let asked = 0;
  const resolve = (name: string, _options: unknown, answer: (error: Error) => void): void => {
    assert.ok(!running.includes(name), `${name} is being asked for already`);
    asked += 1;
    running.push(name);
    const end = (): void => {
      running.splice(running.indexOf(name), 1);
      answer(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
    };
    // Time enough for the others to ask.
    const wait = (turns: number): unknown => (turns === 0 ? end() : setImmediate(wait, turns - 1));
    wait(50);
  };
  const outbound = createOutbound({
    outside: {},
    userAgent: "leveredge/test",
    // One of the overloads of dns.lookup, as above.
    resolve: resolve as unknown as NonNullable<Parameters<typeof createOutbound>[0]["resolve"]>,
  });
  t.after(() => outbound.close());
  const ask = (name: string) => outbound.request({ service: name, method: "GET", url: `https://${name}.example.com/` });

  const told = await Promise.allSettled(["a", "a", "b", "a"].map(ask));
  const before = asked;
  told.push(...(await Promise.allSettled([ask("a")])));

  for (const one of told) {
    assert.match(one.status === "rejected" ? String(one.reason) : "", /cannot be reached: ENOTFOUND/);
  }
  assert.ok(asked > before, "the next one asks anew");
});

test("an origin of the configuration that resolves to a private address needs allow_private", async (t) => {
  const entry = { url: "http://twin.example.com:8080", allow_private: false };
  const outbound = open(t, { ntfy: entry }, { "twin.example.com": [["192.168.1.9"]] });

  await assert.rejects(
    outbound.request({ service: "ntfy", method: "POST", url: "https://ntfy.sh/" }),
    isCode("invalid_input", /ntfy is not public \(private\)/),
  );
});

test("plain http, users in the URL and what is no URL are refused before anything is sent", async (t) => {
  const outbound = open(t, {});
  const ask = (url: string) => outbound.request({ service: "webhook", method: "GET", url });

  await assert.rejects(ask("http://example.com/"), isCode("invalid_input", /not https/));
  await assert.rejects(ask("https://user:hunter2@example.com/"), (error) => {
    assert.ok(!inspect(error).includes("hunter2"));
    return isCode("invalid_input", /user or password/)(error);
  });
  await assert.rejects(ask("nonsense"), isCode("invalid_input", /not a URL/));
});

test("a redirect is an answer and nothing is sent where it leads", async (t) => {
  const other = await startOutsideServer(t, () => ({ status: 200 }));
  const server = await startOutsideServer(t, () => ({ status: 307, headers: { location: other.url } }));
  const outbound = open(t, { webhook: { url: server.url, allow_private: true } });

  const answer = await outbound.request({ service: "webhook", method: "POST", url: "https://x.example/", body: "{}" });

  assert.equal(answer.status, 307);
  assert.equal(other.asked.length, 0);
});

test("no more of an answer is read than was asked for", async (t) => {
  const server = await startOutsideServer(t, () => ({ status: 200, body: "x".repeat(10 * 1024 * 1024) }));
  const outbound = open(t, { webhook: { url: server.url, allow_private: true } });

  const answer = await outbound.request({
    service: "webhook",
    method: "GET",
    url: "https://x.example/",
    maxBodyBytes: 1000,
  });

  assert.equal(answer.body.length, 1000);
});

test("silence ends with a timeout, also in the middle of a body, and names no URL", async (t) => {
  const server = await startOutsideServer(t, ({ url }, response) => {
    if (url.includes("half")) {
      response.writeHead(200);
      response.write("begin");
    }
    return undefined;
  });
  const outbound = open(t, { telegram: { url: server.url, allow_private: true } });

  for (const path of ["botTOKEN/none", "botTOKEN/half"]) {
    await assert.rejects(
      outbound.request({ service: "telegram", method: "GET", url: `https://t.example/${path}`, timeoutMs: 300 }),
      (error) => {
        assert.ok(!inspect(error).includes("TOKEN"));
        return isCode("upstream_timeout", /telegram did not answer within 0.3 seconds/)(error);
      },
    );
  }
});

test("a refused connection is the upstream's failure, and a stop is told apart", async (t) => {
  const outbound = open(t, { slack: { url: "http://127.0.0.1:1", allow_private: true } });
  const request = { service: "slack", method: "POST", url: "https://hooks.slack.com/services/SECRET" } as const;

  await assert.rejects(outbound.request(request), (error) => {
    assert.ok(!inspect(error).includes("SECRET"));
    return isCode("upstream_failed", /slack cannot be reached: ECONNREFUSED/)(error);
  });
  await assert.rejects(outbound.request({ ...request, signal: AbortSignal.abort() }), isCode("unavailable", /stopped/));
});

test("an address of a server is judged like a URL's, and private only for the service that names exactly it", async (t) => {
  const names = {
    "db.example.com": [["1.1.1.1"]],
    "turns.example.com": [["1.1.1.1", "127.0.0.1"]],
    "in.example": [["10.1.1.1"]],
    "IN.example": [["10.1.1.1"]],
  };
  const outside = {
    shop: { url: "postgres://in.example:5432", allow_private: true },
    loop: { url: "postgres://[::1]:5432", allow_private: true },
    linked: { url: "postgres://169.254.169.254:5432", allow_private: true },
  };
  const outbound = open(t, outside, names);
  const find = (service: string, host: string, port = 5432) =>
    outbound.resolve({ service, scheme: "postgres", host, port });

  assert.deepEqual(await find("any", "db.example.com"), { address: "1.1.1.1", isPrivate: false });
  assert.deepEqual(await find("shop", "IN.example"), { address: "10.1.1.1", isPrivate: true });
  const refusals = [find("any", "turns.example.com"), find("any", "in.example"), find("shop", "in.example", 5433)];
  for (const refused of refusals) await assert.rejects(refused, isCode("invalid_input", /not public/));
  await assert.rejects(find("any", "nowhere.example"), isCode("upstream_failed", /any cannot be reached: ENOTFOUND/));
});
