import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { type TestContext, test } from "node:test";

import { createOutbound } from "#outbound/outbound.ts";
import { createSlots } from "#outbound/slots.ts";
import { Secret } from "#secrets/secret.ts";
import { type Answer, type AskedRequest, startOutsideServer } from "#test/outside-server.ts";

import { type CheckAnswer, checkFields } from "./ask.ts";
import { type Provider, provider, type ProviderInput } from "./provider.ts";

const key = "sk-live-3f9a81c27be64d05";

function ofUser(check: Partial<ProviderInput> = {}): Provider {
  return provider({
    name: "acme",
    title: "Acme",
    category: "generic",
    type: "api_key",
    fields: { api_key: { type: "secret", required: true }, base_url: { type: "string", required: false } },
    base_url: "https://api.acme.example",
    check: {
      kind: "http",
      steps: [
        {
          method: "GET",
          path: "/me",
          headers: { authorization: "Bearer {api_key}" },
          rules: [
            { status: [200], body: { path: "dead", equals: true }, verdict: "revoked" },
            { status: [200], verdict: "valid" },
            { status: [401], verdict: "invalid" },
          ],
          identity: { from: { path: "account" } },
          scopes: { from: { path: "scopes" } },
        },
      ],
    },
    ...check,
  });
}

async function ask(
  t: TestContext,
  answer: Parameters<typeof startOutsideServer>[1],
  asked: { provider?: Provider; fields?: Record<string, string>; limitMs?: number } = {},
): Promise<{ answer: CheckAnswer; requests: AskedRequest[] }> {
  const server = await startOutsideServer(t, answer);
  const outside = { acme: { url: server.url, allow_private: true } };
  const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
  t.after(() => outbound.close());
  const fields = Object.entries(asked.fields ?? { api_key: key }).map(
    ([name, value]) => [name, new Secret(value)] as const,
  );
  const tools = { outbound, outside, now: () => new Date() };
  const signal = new AbortController().signal;
  const found = await checkFields(tools, asked.provider ?? ofUser(), Object.fromEntries(fields), {
    signal,
    ...(asked.limitMs === undefined ? {} : { limitMs: asked.limitMs }),
  });
  return { answer: found, requests: server.asked };
}

const json = (status: number, body: unknown): Answer => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

test("a live key is live, with what the answer tells of it", async (t) => {
  const { answer, requests } = await ask(t, () => json(200, { account: 7731, scopes: ["b", "a"] }));

  assert.deepEqual(
    [answer.verdict, answer.identity, answer.scopes, answer.status],
    ["valid", "7731", ["a", "b"], "200"],
  );
  assert.equal(requests[0]?.headers.authorization, `Bearer ${key}`);
});

test("a service that gives the key back puts it into no text of the answer", async (t) => {
  const body = { account: `of ${key}`, scopes: [key, "read"], error: { code: key } };

  const live = await ask(t, () => json(200, body));
  const dead = await ask(t, () => json(401, body));

  assert.equal(live.answer.identity, null);
  assert.deepEqual(live.answer.scopes, ["read"]);
  assert.ok(!JSON.stringify([live.answer, dead.answer]).includes(key));
  assert.equal(dead.answer.verdict, "invalid");
});

test("of a body without an end a little is read, and what it says of the key is not believed", async (t) => {
  const { answer } = await ask(t, (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write('{"account":"x","filler":"');
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(64 * 1024)));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
    return undefined;
  });

  assert.equal(answer.verdict, "unknown");
  assert.equal(answer.detail, "answered 200, the answer is no complete JSON, only its first 64 KiB were read");
});

test("a redirect is no proof, and nothing is sent where it leads", async (t) => {
  const elsewhere = await startOutsideServer(t, () => json(200, {}));

  const { answer } = await ask(t, () => ({ status: 307, headers: { location: elsewhere.url } }));

  assert.equal(answer.verdict, "unknown");
  assert.equal(elsewhere.asked.length, 0);
});

test("a connection that breaks is the service's fault and not the key's", async (t) => {
  const { answer } = await ask(t, (_request, response) => {
    response.destroy();
    return undefined;
  });

  assert.equal(answer.verdict, "provider_down");
  assert.match(answer.detail, /acme cannot be reached/);
});

test("addresses that are not public are not asked, as literals, by name, or when a name turns", async (t) => {
  let round = 0;
  const resolve = (_name: string, _options: unknown, done: (error: null, found: LookupAddress[]) => void) => {
    round += 1;
    done(null, [{ address: round === 1 ? "10.0.0.7" : "127.0.0.1", family: 4 }]);
  };
  const outbound = createOutbound({ outside: {}, userAgent: "x", resolve: resolve as never });
  t.after(() => outbound.close());
  const tools = { outbound, outside: {}, now: () => new Date() };
  const signal = new AbortController().signal;
  const places = [
    "https://127.0.0.1",
    "https://169.254.169.254",
    "https://[::1]",
    "https://inside.example",
    "http://acme.example",
  ];

  for (const place of places) {
    const asked = ofUser({ base_url: "{base_url}" });
    const fields = { api_key: new Secret(key), base_url: new Secret(place) };
    const answer = await checkFields(tools, asked, fields, { signal });
    assert.deepEqual([answer.verdict, answer.status], ["unknown", null], place);
    assert.match(answer.detail, /not public|not https/, place);
  }
});

test("a key that cannot be sent is refused by the field's name before anything is", async (t) => {
  await assert.rejects(
    ask(t, () => json(200, {}), { fields: { api_key: "two\nlines" } }),
    { code: "invalid_input", message: /the field api_key cannot be sent/ },
  );
});

test("a step that goes on to nothing, and a check that is for other credentials, prove nothing", async (t) => {
  const { check } = ofUser();
  assert.ok(check.kind === "http");
  const [step] = check.steps;
  assert.ok(step);
  const onward = { kind: "http" as const, steps: [{ ...step, rules: [{ status: [200], verdict: "next" as const }] }] };
  const others = { kind: "http" as const, steps: [{ ...step, when: [{ field: "base_url", is: "present" as const }] }] };

  const trailing = await ask(t, () => json(200, {}), { provider: { ...ofUser(), check: onward } });
  const none = await ask(t, () => json(200, {}), { provider: { ...ofUser(), check: others } });

  assert.equal(trailing.answer.verdict, "unknown");
  assert.deepEqual([none.answer.verdict, none.requests.length], ["not_checkable", 0]);
});

test("an answer that drips, and a server that says nothing, end with the time of the whole check", async (t) => {
  const answers: Parameters<typeof startOutsideServer>[1][] = [
    () => undefined,
    (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const drip = setInterval(() => response.write(" "), 20);
      response.once("close", () => clearInterval(drip));
      return undefined;
    },
  ];
  for (const answer of answers) {
    const { answer: found } = await ask(t, answer, { limitMs: 300 });

    assert.deepEqual([found.verdict, found.status], ["provider_down", null]);
    assert.match(found.detail, /acme did not answer within 0.3 seconds/);
  }
});

test("who stops a check gets no verdict", async (t) => {
  const server = await startOutsideServer(t, () => undefined);
  const outside = { acme: { url: server.url, allow_private: true } };
  const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
  t.after(() => outbound.close());
  const stopped = new AbortController();
  const fields = { api_key: new Secret(key) };

  const asked = checkFields({ outbound, outside, now: () => new Date() }, ofUser(), fields, { signal: stopped.signal });
  stopped.abort();

  await assert.rejects(asked, { name: "AbortError" });
});

test("a host that answers with faults is left alone for a while, and waiting for a turn costs no time of the check", async (t) => {
  let now = 0;
  const slots = createSlots({ now: () => new Date(now), atOnce: 1, perSecond: 100_000 });
  let status = 503;
  const server = await startOutsideServer(t, (_request, response) => {
    setTimeout(() => response.writeHead(status).end("{}"), 40);
    return undefined;
  });
  const outside = { acme: { url: server.url, allow_private: true } };
  const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
  t.after(() => outbound.close());
  const fields = { api_key: new Secret(key) };
  const signal = new AbortController().signal;
  const check = () =>
    checkFields({ outbound, outside, now: () => new Date(), slots }, ofUser(), fields, { signal, limitMs: 1_000 });

  for (let round = 0; round < 5; round += 1) assert.equal((await check()).status, "503");
  const rested = await check();
  assert.equal(rested.verdict, "provider_down");
  assert.match(rested.detail, /not asked: the host failed 5 times/);
  assert.equal(server.asked.length, 5);

  now = 40_000;
  status = 200;
  const all = await Promise.all(Array.from({ length: 40 }, check));
  assert.deepEqual([...new Set(all.map(({ verdict }) => verdict))], ["valid"]);
});

test("only an answer that proves something tells something", async (t) => {
  const body = { account: "acc_1", scopes: ["a"] };

  const dead = await ask(t, () => json(401, body));
  const odd = await ask(t, () => json(206, body));

  assert.deepEqual([dead.answer.verdict, dead.answer.identity, dead.answer.scopes], ["invalid", null, null]);
  assert.deepEqual([odd.answer.verdict, odd.answer.identity, odd.answer.scopes], ["unknown", null, null]);
});

test("an empty field is an absent one", async (t) => {
  const { check } = ofUser();
  assert.ok(check.kind === "http");
  const [step] = check.steps;
  assert.ok(step);
  const steps = [{ ...step, when: [{ field: "base_url", is: "absent" as const }] }];
  const asked = { ...ofUser(), check: { kind: "http" as const, steps } };

  const { answer } = await ask(t, () => json(200, {}), { provider: asked, fields: { api_key: key, base_url: "" } });

  assert.equal(answer.verdict, "valid");
  await assert.rejects(
    ask(t, () => json(200, {}), { fields: { api_key: "" } }),
    {
      code: "invalid_input",
      message: /field api_key is needed/,
    },
  );
});

test("a value that stands in the query reaches the service and no text of the answer", async (t) => {
  const { check } = ofUser();
  assert.ok(check.kind === "http");
  const [step] = check.steps;
  assert.ok(step);
  const steps = [{ ...step, path: "/me?key={api_key}", headers: {} }];
  const asked = { ...ofUser(), check: { kind: "http" as const, steps } };

  const { answer, requests } = await ask(t, (_request, response) => void response.destroy(), { provider: asked });

  assert.equal(requests[0]?.url, `/me?key=${key}`);
  assert.equal(answer.verdict, "provider_down");
  assert.ok(!JSON.stringify(answer).includes(key));
});
