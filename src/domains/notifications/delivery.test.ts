import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";

import { sql } from "kysely";

import { listEvents, sealEvents } from "#events/events.ts";
import { advance, askFor, deliver, eventOf, idsAsked, minute, openOutbox, stateOf, tell } from "#test/outbox.ts";

import { deliverDue } from "./delivery.ts";
import { describeChannels, dropUnsent, notify, resend } from "./notifications.ts";
import { listNotifications } from "./queries.ts";

const everything = { state: undefined, before: undefined, limit: 200 };
const telegram = { telegram: { bot_token: "env:BOT", chat_id: "1" } };
const webhook = { webhook: { url: "https://hook.example/x", secret: "env:WEBHOOK" } };
const slack = { slack: { webhook_url: "env:SLACK" } };

test("a channel that hangs delays no other, and a message that comes meanwhile is sent", async (t) => {
  let hanging: ServerResponse | undefined;
  const asked = Promise.withResolvers<void>();
  const outbox = await openOutbox(
    t,
    (_, { url }, response) => {
      if (url === "/x") hanging?.end('{"ok":true}');
      if (url === "/x") return { status: 200 };
      hanging = response;
      asked.resolve();
      return undefined;
    },
    { channels: { ...telegram, ...webhook } },
  );
  const first = await notify(outbox.app, askFor("hangs", "telegram"), "test");

  const delivering = deliver(outbox);
  await asked.promise;
  const second = await notify(outbox.app, askFor("passes"), "test");
  await delivering;

  // Telegram was answered only when the other message had arrived.
  assert.equal((await stateOf(outbox, first.id))[0]?.state, "sent");
  assert.equal((await stateOf(outbox, second.id))[0]?.state, "sent");
});

test("two channels that refuse what the other one is reported dead for do not go on for ever", async (t) => {
  let count = 0;
  const outbox = await openOutbox(t, () => ({ status: 400, body: `request ${(count += 1)}` }), {
    channels: { ...slack, ...webhook },
  });
  await notify(outbox.app, askFor("hello"), "test");

  for (let round = 0; round < 10; round += 1) {
    await deliver(outbox);
    await tell(outbox);
    advance(outbox, 1_000);
  }

  assert.equal(outbox.server.asked.length, 2, "the message, and once that it is dead");
  const events = await listEvents(outbox.app, { after: 0, limit: 50 });
  const dead = events.filter(({ action }) => action === "notifications.delivery");
  assert.deepEqual(
    dead.map(({ target, notice }) => [target, notice?.severity]),
    [
      ["channel webhook", "high"],
      ["channel slack", undefined],
    ],
  );
});

test("a wait of a million years, a negative one and none at all leave the message waiting and in reach", async (t) => {
  const waits = ["99999999999999999999", "0"];
  const outbox = await openOutbox(t, (index) => {
    const wait = waits[index];
    return wait === undefined ? { status: 200 } : { status: 429, headers: { "retry-after": wait } };
  });
  const { id } = await notify(outbox.app, askFor("hello"), "test");

  await deliver(outbox);
  assert.equal((await stateOf(outbox, id))[0]?.state, "waiting");
  advance(outbox, 24 * 60 * minute);
  await deliver(outbox);
  await deliver(outbox);
  assert.equal(outbox.server.asked.length, 2, "no wait at all is still one of ours");
  advance(outbox, minute);
  await deliver(outbox);

  assert.equal((await stateOf(outbox, id))[0]?.state, "sent");
});

test("a channel that is down is asked for one message, not for every one that waits", async (t) => {
  let isDown = true;
  const outbox = await openOutbox(t, () => ({ status: isDown ? 500 : 200 }));
  for (let index = 0; index < 30; index += 1) await notify(outbox.app, askFor(`message ${index}`), "test");

  for (let second = 0; second < 30; second += 1) {
    await deliver(outbox);
    advance(outbox, 1_000);
  }
  const asked = outbox.server.asked.length;
  isDown = false;
  advance(outbox, 60 * minute);
  await deliver(outbox);

  assert.ok(asked <= 15, `${asked} in 30 seconds`);
  assert.equal(new Set(idsAsked(outbox)).size, 30);
  assert.deepEqual(
    (await describeChannels(outbox.app)).map(({ waiting, dead, hold }) => ({ waiting, dead, hold })),
    [{ waiting: 0, dead: 0, hold: null }],
  );
});

test("sending again does not end the patience that a service asked for", async (t) => {
  const outbox = await openOutbox(t, (index) =>
    index === 0 ? { status: 429, headers: { "retry-after": "600" } } : { status: 200 },
  );
  const { id } = await notify(outbox.app, askFor("hello"), "test");
  await deliver(outbox);

  await resend(outbox.app, undefined, "test");
  advance(outbox, minute);
  await deliver(outbox);

  assert.equal(outbox.server.asked.length, 1);
  assert.equal((await describeChannels(outbox.app))[0]?.hold?.kind, "paused");
  advance(outbox, 10 * minute);
  await deliver(outbox);
  assert.equal((await stateOf(outbox, id))[0]?.state, "sent");
});

test("a sender that gets through does not end the patience that another one was asked for", async (t) => {
  let slow: ServerResponse | undefined;
  const asked = Promise.withResolvers<void>();
  const outbox = await openOutbox(t, (index, _, response) => {
    if (index > 0) return { status: 429, headers: { "retry-after": "600" } };
    slow = response;
    asked.resolve();
    return undefined;
  });
  for (const text of ["slow", "refused"]) await notify(outbox.app, askFor(text), "test");

  const first = deliver(outbox);
  await asked.promise;
  await deliver(outbox);
  slow?.end();
  await first;

  const [status] = await describeChannels(outbox.app);
  assert.deepEqual([status?.waiting, status?.hold?.kind], [1, "paused"]);
  assert.equal(outbox.server.asked.length, 2);
});

test("a message that was resent or waited blocked for days is not given up at its first failure", async (t) => {
  const outbox = await openOutbox(t, (index) => ({ status: [400, 500][index] ?? 200 }));
  const { id } = await notify(outbox.app, askFor("hello"), "test");
  await deliver(outbox);
  advance(outbox, 3 * 24 * 60 * minute);

  await resend(outbox.app, id, "test");
  await deliver(outbox);

  assert.deepEqual(await stateOf(outbox, id), [{ state: "waiting", error: "webhook answered 500", tries: 1 }]);
});

test("what was to be sent before the quiet hours is not sent in them, what failed before neither", async (t) => {
  const quiet = { channels: webhook, quiet_hours: { from: "22:00", to: "07:00" } };
  const outbox = await openOutbox(t, (index) => ({ status: index === 0 ? 500 : 200 }), quiet);
  outbox.clock.now = new Date("2026-11-22T21:59:59.000Z");
  const { id } = await notify(outbox.app, askFor("hello"), "test");
  await deliver(outbox);

  advance(outbox, 60 * minute);
  await deliver(outbox);
  assert.equal(outbox.server.asked.length, 1);
  const high = await notify(outbox.app, { ...askFor("wake up"), priority: "high" }, "test");
  await deliver(outbox);
  assert.equal((await stateOf(outbox, high.id))[0]?.state, "sent");
  outbox.clock.now = new Date("2026-11-23T07:00:00.000Z");
  await deliver(outbox);

  assert.equal((await stateOf(outbox, id))[0]?.state, "sent");
});

test("a long message goes on after the parts that arrived, also for another sender", async (t) => {
  const outbox = await openOutbox(
    t,
    (index) => (index === 1 ? { status: 502 } : { status: 200, body: '{"ok":true}' }),
    {
      channels: telegram,
    },
  );
  const { id } = await notify(outbox.app, askFor(`${"a".repeat(4096)}${"b".repeat(4096)}c`, "telegram"), "test");

  await deliver(outbox);
  advance(outbox, minute);
  await deliver(outbox);

  assert.equal((await stateOf(outbox, id))[0]?.state, "sent");
  const texts = outbox.server.asked.map(({ body }) => /"text":"(.)/.exec(body)?.[1]);
  assert.deepEqual(texts, ["a", "b", "b", "c"]);
});

test("our own stop is no failed try and no reason to pause the channel", async (t) => {
  const asked = Promise.withResolvers<void>();
  const outbox = await openOutbox(t, () => asked.resolve() ?? undefined);
  const { id } = await notify(outbox.app, askFor("hello"), "test");
  const stop = new AbortController();

  const delivering = deliverDue({ ...outbox.app, signal: stop.signal }, { signal: stop.signal });
  await asked.promise;
  stop.abort();
  await delivering;

  assert.deepEqual(await stateOf(outbox, id), [
    { state: "waiting", error: "the call to webhook was stopped", tries: 0 },
  ]);
  assert.equal((await describeChannels(outbox.app))[0]?.hold, null);
});

test("a channel is blocked once for all its messages, told through the others, and loses none", async (t) => {
  let isRefused = true;
  const outbox = await openOutbox(t, (_, { url }) => ({ status: url === "/x" && isRefused ? 401 : 200 }), {
    channels: { ...slack, ...webhook },
  });
  for (let index = 0; index < 5; index += 1) await notify(outbox.app, askFor(`message ${index}`), "test");

  for (let round = 0; round < 3; round += 1) {
    await deliver(outbox);
    await tell(outbox);
    advance(outbox, minute);
  }
  assert.equal(idsAsked(outbox).filter((id) => id !== undefined).length, 1);
  assert.equal(outbox.server.asked.filter(({ body }) => /the channel is blocked/.test(body)).length, 1);
  advance(outbox, 48 * 60 * minute);
  isRefused = false;
  await deliver(outbox);

  const [, status] = await describeChannels(outbox.app);
  assert.deepEqual([status?.channel, status?.waiting, status?.dead, status?.hold], ["webhook", 0, 0, null]);
});

test("what is left for a channel that is gone, or is dead, can be dropped, and the record says so", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 400 }));
  await notify(outbox.app, askFor("dead"), "test");
  await deliver(outbox);
  await notify(outbox.app, askFor("waits"), "test");

  await assert.rejects(dropUnsent(outbox.app, { channel: "webhook" }, "test"), { code: "conflict" });
  assert.equal((await dropUnsent(outbox.app, { state: "dead" }, "test")).length, 1);
  const without = { ...outbox.app, config: { ...outbox.app.config, notifications: undefined } };
  assert.equal((await dropUnsent(without, { channel: "webhook" }, "test")).length, 1);

  assert.deepEqual(await describeChannels(without), []);
  await sealEvents(outbox.app);
  const events = await listEvents(outbox.app, { after: 0, limit: 20 });
  assert.equal(events.filter(({ action }) => action === "notifications.drop").length, 2);
});

test("many messages of one instant are paged without a gap", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 200 }));
  for (let index = 0; index < 7; index += 1) await notify(outbox.app, askFor(`message ${index}`), "test");

  const seen: string[] = [];
  for (let before: string | undefined; ; before = seen.at(-1)) {
    const page = await listNotifications(outbox.app.db, { ...everything, before, limit: 3 });
    seen.push(...page.map(({ id }) => id));
    if (page.length < 3) break;
  }

  assert.equal(new Set(seen).size, 7);
  assert.equal(seen.length, 7);
});

test("text that PostgreSQL cannot store is sent as far as it can be, and a notice without words stops no feed", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 200 }));

  const { id } = await notify(outbox.app, askFor("a\0b\ud800c"), "test");
  await tell(outbox, eventOf({ notice: { severity: "high", title: "", text: "" } }));

  const found = await listNotifications(outbox.app.db, everything);
  assert.equal(found.find((row) => row.id === id)?.text, "a\ufffdb\ufffdc");
  assert.equal(found.find((row) => row.id !== id)?.title, "backups.drill: damaged");
});

test("a damaged set that was mended and is damaged again is told again within the hour", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 200 }));
  const damaged = eventOf();
  const verified = eventOf({ outcome: "verified", notice: { severity: "low", title: "verified", text: "" } });

  await tell(outbox, damaged, damaged, verified, damaged);

  const found = await listNotifications(outbox.app.db, everything);
  assert.deepEqual(
    found.map(({ repeats }) => repeats).toSorted((a, b) => a - b),
    [0, 1],
  );
});

test("an event that is taken a second time, as after a restored store, is one message", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 200 }));
  await tell(outbox, eventOf());
  await sql`update event_cursor set position = 0`.execute(outbox.app.db);
  advance(outbox, 120 * minute);

  await tell(outbox);

  assert.equal((await listNotifications(outbox.app.db, everything)).length, 1);
});
