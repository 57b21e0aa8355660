import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { testToken } from "#test/actors.ts";
import { post, serveIngest } from "#test/ingest-server.ts";

const call = { agent_name: "CHIRON", model: "gpt-4o", input_tokens: 1000, output_tokens: 100 };

type Receipt = { index: number; state: string; id?: number; reason?: string; notes?: string[] };

function receiptsOf({ json }: { json: Record<string, unknown> }): Receipt[] {
  // What the route declares.
  return json["receipts"] as Receipt[];
}

test("one call and many are recorded with their ids, and told again they are the same", async (t) => {
  const server = await serveIngest(t);
  const many = {
    calls: [
      { ...call, idempotency_key: "a" },
      { ...call, idempotency_key: "b" },
    ],
  };

  const single = await post(server, "/usage", { ...call, context: "endpoint: /plan" });
  const first = await post(server, "/usage", many);
  const again = await post(server, "/usage", many);

  assert.deepEqual([single.status, first.status, again.status], [200, 200, 200], single.text + first.text);
  assert.deepEqual(
    [...receiptsOf(single), ...receiptsOf(first), ...receiptsOf(again)].map(({ index, state }) => [index, state]),
    [
      [0, "recorded"],
      [0, "recorded"],
      [1, "recorded"],
      [0, "duplicate"],
      [1, "duplicate"],
    ],
  );
  assert.deepEqual(
    receiptsOf(again).map(({ id }) => id),
    receiptsOf(first).map(({ id }) => id),
  );
  const rows = await server.rows();
  assert.equal(rows.length, 3);
  assert.deepEqual(
    [rows[0]?.["estimatedCostUsd"], rows[0]?.["environment"], rows[0]?.["source"]],
    ["0.003500000", "prod", "api"],
  );
});

test("each wrong call is told why, and the others are recorded", async (t) => {
  const server = await serveIngest(t);
  const wrong: [Record<string, unknown> | null, RegExp][] = [
    [{ ...call, input_tokens: -1 }, /^input_tokens: .*>=0/],
    [{ ...call, output_tokens: 1.5 }, /^output_tokens: .*int/],
    [{ ...call, input_tokens: 1e18 }, /^input_tokens: /],
    [{ ...call, input_tokens: "12" }, /^input_tokens: .*expected number/],
    [{ ...call, model: "a\u0000b" }, /^model: text without NUL/],
    [{ ...call, agent_name: "" }, /^agent_name: /],
    [{ ...call, colour: "red" }, /colour/],
    [{ ...call, created_at: "yesterday" }, /^created_at: "yesterday" is no time/],
    [{ ...call, environment: "moon" }, /^environment: /],
    [{ model: "gpt-4o" }, /^agent_name: .*; input_tokens: /],
    [null, /is not an object/],
  ];

  const answer = await post(server, "/usage", { calls: [...wrong.map(([one]) => one), call] });

  assert.equal(answer.status, 200, answer.text);
  const receipts = receiptsOf(answer);
  for (const [index, [, reason]] of wrong.entries()) {
    assert.equal(receipts[index]?.state, "rejected");
    assert.match(receipts[index]?.reason ?? "", reason);
  }
  assert.equal(receipts.at(-1)?.state, "recorded");
  assert.equal((await server.rows()).length, 1);
});

test("a batch of which nothing can be taken is 422, and what is no batch is 400", async (t) => {
  const server = await serveIngest(t);

  const refused = await post(server, "/usage", { ...call, input_tokens: -1 });
  const none = await post(server, "/usage", { calls: [] });
  const odd = await Promise.all(
    ["", "{", "[]", '{"calls":{}}', '{"calls":[],"more":1}', '{"calls":["\\u0000', Buffer.from([0x22, 0xff, 0x22])].map(
      (body) => post(server, "/usage", body),
    ),
  );

  assert.equal(refused.status, 422);
  assert.deepEqual([none.status, none.json], [200, { receipts: [] }]);
  assert.deepEqual(
    odd.map(({ status }) => status),
    [400, 400, 400, 400, 400, 400, 400],
  );
  assert.match(odd[2]?.text ?? "", /the body is a list/);
});

test("an unknown model is recorded without a price and says so, and a clock ten years off is not believed", async (t) => {
  const server = await serveIngest(t);
  const later = new Date(Date.now() + 10 * 365 * 24 * 3_600_000).toISOString();

  const answer = await post(server, "/usage", {
    calls: [
      { ...call, model: "brand-new-9" },
      { ...call, created_at: later },
      { ...call, created_at: "2016-01-01T00:00:00Z" },
    ],
  });

  assert.equal(answer.status, 200, answer.text);
  const receipts = receiptsOf(answer);
  assert.deepEqual(
    receipts.map(({ state, notes = [] }) => [state, notes.length]),
    [
      ["recorded", 1],
      ["recorded", 1],
      ["recorded", 1],
    ],
  );
  const rows = await server.rows();
  const unpriced = rows.find(({ model }) => model === "brand-new-9");
  assert.deepEqual([unpriced?.["estimatedCostUsd"], unpriced?.["costSource"]], [null, "unpriced"]);
  const claimed = rows.flatMap(({ claimedAt }) => (claimedAt === null ? [] : [claimedAt]));
  assert.deepEqual(new Set(claimed), new Set(["2016-01-01T00:00:00.000Z", later]));
});

test("ids that are told twice in one batch, or again with another time, are one call", async (t) => {
  const server = await serveIngest(t);
  const keyed = { ...call, idempotency_key: "k-1" };

  const batch = await post(server, "/usage", { calls: [keyed, keyed] });
  const later = await post(server, "/usage", { ...keyed, created_at: new Date(Date.now() - 60_000).toISOString() });

  assert.deepEqual(
    [...receiptsOf(batch), ...receiptsOf(later)].map(({ state }) => state),
    ["recorded", "duplicate", "duplicate"],
  );
  assert.equal(new Set([...receiptsOf(batch), ...receiptsOf(later)].map(({ id }) => id)).size, 1);
  assert.equal((await server.rows()).length, 1);
});

test("a body over the limit is 413 that names it, plain, in pieces or packed", async (t) => {
  const server = await serveIngest(t);
  const large = Buffer.alloc(50 * 1024 * 1024, " ");

  const packed = await post(server, "/usage", gzipSync(large), { "content-encoding": "gzip" });
  const plain = await post(server, "/usage", large);

  for (const answer of [packed, plain]) {
    assert.equal(answer.status, 413);
    assert.match(answer.text, /the body is larger than 8 MiB/);
  }
});

test("gzip is unpacked; what is not whole gzip, or packed otherwise, is refused", async (t) => {
  const server = await serveIngest(t);
  const packed = gzipSync(JSON.stringify(call));
  const asGzip = { "content-encoding": "gzip" };

  const whole = await post(server, "/usage", packed, asGzip);
  const broken = [
    await post(server, "/usage", packed.subarray(0, -9), asGzip),
    await post(server, "/usage", "plain", asGzip),
    await post(server, "/usage", Buffer.concat([packed, Buffer.from("junk")]), asGzip),
    await post(server, "/usage", packed, { "content-encoding": "br" }),
  ];

  assert.equal(whole.status, 200, whole.text);
  assert.deepEqual(
    broken.map(({ status }) => status),
    [400, 400, 400, 400],
  );
  assert.match(broken[0]?.text ?? "", /not whole gzip/);
  assert.equal((await server.rows()).length, 1);
});

test("who shows no token is 401, whose token may not write is 403, and a token of dev writes to dev alone", async (t) => {
  const server = await serveIngest(t);
  const dev = await testToken(server.app, "agent", { scopes: ["usage:write:dev"] });
  const authorization = `Bearer ${dev}`;

  const nobody = await post(server, "/usage", call, { authorization: "" });
  const reader = await post(server, "/usage", call, { authorization: `Bearer ${server.tokens.viewer}` });
  const inDev = await post(server, "/usage", call, { authorization });
  const inProd = await post(server, "/usage", { ...call, environment: "prod" }, { authorization });
  const asked = await post(server, "/usage?environment=shared", call);

  assert.deepEqual(
    [nobody.status, reader.status, inDev.status, inProd.status, asked.status],
    [401, 403, 200, 422, 200],
    inDev.text,
  );
  assert.match(inProd.text, /this needs usage:write:prod/);
  const rows = await server.rows();
  assert.deepEqual(new Set(rows.map(({ environment }) => environment)), new Set(["dev", "shared"]));
});

test("a client that is cut off before its answer tells the call again, and it is one row", async (t) => {
  const server = await serveIngest(t);
  const body = JSON.stringify({ ...call, idempotency_key: "cut-1" });
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    [
      "POST /usage HTTP/1.1",
      "host: localhost",
      `authorization: Bearer ${server.tokens.agent}`,
      "content-type: application/json",
      `content-length: ${body.length}`,
      "",
      body,
    ].join("\r\n"),
  );
  // Written means answered: nothing of it is read.
  await once(socket, "readable");
  socket.destroy();

  const again = await post(server, "/usage", body);

  assert.deepEqual(
    receiptsOf(again).map(({ state }) => state),
    ["duplicate"],
  );
  assert.equal((await server.rows()).length, 1);
});

test("a time without an offset is the platform's", async (t) => {
  const server = await serveIngest(t, {
    platform: { name: "Test", root: "/nowhere", timezone: "America/Los_Angeles" },
  });

  await post(server, "/usage", { ...call, created_at: "2026-11-01T12:00:00" });

  assert.equal((await server.rows())[0]?.["createdAt"], "2026-11-01T20:00:00.000Z");
});
