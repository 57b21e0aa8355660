import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { createOutbound } from "#outbound/outbound.ts";
import { type AskedRequest, startOutsideServer } from "#test/outside-server.ts";

import { allProviders } from "./all.ts";
import { type NegativeControl, runNegativeControl } from "./negative-control.ts";
import type { Provider } from "./provider.ts";

function find(name: string): Provider {
  const provider = allProviders.find((known) => known.name === name);
  assert.ok(provider);
  return provider;
}

async function run(t: TestContext, name: string, url: string): Promise<NegativeControl> {
  const outside = { [name]: { url, allow_private: true } };
  const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
  t.after(() => outbound.close());
  const signal = new AbortController().signal;
  return runNegativeControl({ outbound, outside, now: () => new Date() }, find(name), { signal });
}

const hasNoKey = ({ headers }: AskedRequest): boolean => headers.authorization === undefined;

test("a service that refuses the made-up key and the missing one is as expected", async (t) => {
  const server = await startOutsideServer(t, () => ({ status: 401, body: "{}" }));

  const control = await run(t, "nvidia_nim", server.url);

  assert.deepEqual([control.got, control.withoutKey, control.agrees], ["invalid", "invalid", true]);
  assert.deepEqual(server.asked.map(hasNoKey), [false, true]);
});

test("an endpoint that serves everybody is found out: its check would call every key live", async (t) => {
  const server = await startOutsideServer(t, () => ({ status: 200, body: '{"data":[]}' }));

  const control = await run(t, "nvidia_nim", server.url);

  assert.equal(control.agrees, false);
});

test("an endpoint that refuses a wrong key and serves who has none is not as expected", async (t) => {
  const server = await startOutsideServer(t, (request) => ({ status: hasNoKey(request) ? 200 : 401, body: "{}" }));

  const control = await run(t, "nvidia_nim", server.url);

  assert.deepEqual([control.got, control.withoutKey, control.agrees], ["invalid", "valid", false]);
});

test("a service that is down, hurried or out of reach proves nothing either way", async (t) => {
  const down = await startOutsideServer(t, () => ({ status: 503 }));
  const hurried = await startOutsideServer(t, () => ({ status: 429 }));

  for (const url of [down.url, hurried.url, "http://127.0.0.1:1", "http://169.254.169.254:80"]) {
    assert.equal((await run(t, "openai", url)).agrees, null, url);
  }
});

test("what has no made-up key is not asked", async (t) => {
  const server = await startOutsideServer(t, () => ({ status: 200 }));

  const control = await run(t, "generic_http_bearer", server.url);

  assert.deepEqual([control.agrees, server.asked.length], [null, 0]);
});
