import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { listEvents, sealEvents } from "#events/events.ts";
import { advance, askFor, deliver, eventOf, idsAsked, minute, openOutbox, stateOf, tell } from "#test/outbox.ts";

import { backOff } from "./delivery.ts";
import { describeChannels, notify, resend } from "./notifications.ts";
import { claimDelivery, finishDelivery, listNotifications } from "./queries.ts";

test("a message is in the outbox before it is answered, and sent once", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 200 }));

  const answer = await notify(bench.app, askFor("hello"), "test");
  assert.deepEqual(await stateOf(bench, answer.id), [{ state: "waiting", error: null, tries: 0 }]);
  await deliver(bench);
  await deliver(bench);

  assert.deepEqual(await stateOf(bench, answer.id), [{ state: "sent", error: null, tries: 1 }]);
  assert.equal(bench.server.asked.length, 1);
});

test("a sender that dies between sending and noting it leads to a second message with the same id", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 200 }));
  const { id } = await notify(bench.app, askFor("hello"), "test");
  await deliver(bench);
  // As the row is when the process is killed after the answer and before the mark.
  await sql`update delivery set state = 'sending', sent_at = null, lease_until = ${new Date(bench.clock.now.getTime() + 2 * minute).toISOString()}::timestamptz`.execute(
    bench.app.db,
  );

  await deliver(bench);
  assert.equal(bench.server.asked.length, 1, "the lease holds");
  advance(bench, 3 * minute);
  await deliver(bench);

  const [first, second] = idsAsked(bench);
  assert.equal(bench.server.asked.length, 2);
  assert.equal(first, second);
  assert.deepEqual(await stateOf(bench, id), [{ state: "sent", error: null, tries: 2 }]);
});

test("two deliverers at once never send one delivery at the same time", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 200 }));
  for (let index = 0; index < 20; index += 1) await notify(bench.app, askFor(`message ${index}`), "test");

  await Promise.all([deliver(bench), deliver(bench), deliver(bench)]);

  assert.equal(bench.server.asked.length, 20);
  assert.equal(new Set(idsAsked(bench)).size, 20);
});

test("a server that is down for an hour loses nothing and is asked more and more rarely", async (t) => {
  let isDown = true;
  const bench = await openOutbox(t, () => ({ status: isDown ? 503 : 200 }));
  const { id } = await notify(bench.app, askFor("hello"), "test");

  for (let second = 0; second < 3600; second += 30) {
    await deliver(bench);
    advance(bench, 30_000);
  }
  const attempts = bench.server.asked.length;
  isDown = false;
  advance(bench, 60 * minute);
  await deliver(bench);

  assert.ok(attempts >= 5 && attempts <= 15, `${attempts} attempts in an hour`);
  assert.equal((await stateOf(bench, id))[0]?.state, "sent");
  assert.equal(new Set(idsAsked(bench)).size, 1);
});

test("what a server asks for in a 429 is kept for the whole channel", async (t) => {
  const bench = await openOutbox(t, (index) =>
    index === 0 ? { status: 429, headers: { "retry-after": "300" } } : { status: 200 },
  );
  for (let index = 0; index < 5; index += 1) await notify(bench.app, askFor(`message ${index}`), "test");

  for (let pass = 0; pass < 4; pass += 1) {
    await deliver(bench);
    advance(bench, minute);
  }
  assert.equal(bench.server.asked.length, 1);
  const [status] = await describeChannels(bench.app);
  assert.equal(status?.hold?.kind, "paused");
  advance(bench, 2 * minute);
  await deliver(bench);

  assert.equal(bench.server.asked.length, 6);
  assert.equal(new Set(idsAsked(bench)).size, 5);
});

test("what is refused for good is dead at once, told, and sent again on request with the same id", async (t) => {
  const bench = await openOutbox(t, (index) => (index === 0 ? { status: 400, body: "no" } : { status: 200 }));
  const { id } = await notify(bench.app, askFor("hello"), "test");

  await deliver(bench);
  advance(bench, 24 * 60 * minute);
  await deliver(bench);
  assert.deepEqual(await stateOf(bench, id), [{ state: "dead", error: "webhook answered 400: no", tries: 1 }]);
  await sealEvents(bench.app);
  const [dead] = (await listEvents(bench.app, { after: 0, limit: 10 })).filter(
    ({ action }) => action === "notifications.delivery",
  );
  assert.equal(dead?.notice?.severity, "high");

  await resend(bench.app, id, "test");
  await deliver(bench);

  assert.equal((await stateOf(bench, id))[0]?.state, "sent");
  assert.equal(new Set(idsAsked(bench)).size, 1);
});

test("that a channel is broken is not said through that channel", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 400 }));
  await notify(bench.app, askFor("hello"), "test");
  await deliver(bench);

  await tell(bench, eventOf());
  await deliver(bench);
  await tell(bench, eventOf({ target: "set other" }));

  const titles = (await listNotifications(bench.app.db, { state: undefined, before: undefined, limit: 50 })).map(
    ({ title }) => title,
  );
  assert.deepEqual(
    titles.filter((title) => /could not be delivered/.test(title)),
    [],
  );
});

test("a message is given up after a day and is dead, not lost", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 500 }));
  const { id } = await notify(bench.app, askFor("hello"), "test");

  await deliver(bench);
  advance(bench, 25 * 60 * minute);
  await deliver(bench);

  const [delivery] = await stateOf(bench, id);
  assert.equal(delivery?.state, "dead");
  assert.match(delivery?.error ?? "", /given up after a day: webhook answered 500/);
});

test("a channel whose secret is in the vault is blocked, says so, and sends when the secret opens", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 200, body: '{"ok":true,"result":{"message_id":1}}' }), {
    channels: { telegram: { bot_token: "vault:telegram/bot_token", chat_id: "1" } },
  });
  const { id } = await notify(bench.app, askFor("hello", "telegram"), "test");

  await deliver(bench);
  const [blocked] = await describeChannels(bench.app);
  assert.equal(blocked?.hold?.kind, "blocked");
  assert.match(blocked?.hold?.why ?? "", /there is no credential telegram/);
  assert.deepEqual(await stateOf(bench, id), [{ state: "waiting", error: null, tries: 0 }]);
  advance(bench, minute);
  const opened = {
    ...bench,
    app: {
      ...bench.app,
      openReference: (reference: string) => bench.app.openReference(reference.replace(/^vault:.*/, "env:PATH")),
    },
  };
  await deliver(opened);

  assert.equal((await stateOf(bench, id))[0]?.state, "sent");
  assert.equal((await describeChannels(bench.app))[0]?.hold, null);
});

test("events with a notice become messages, equal ones of an hour are counted, and worse ones are not", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 200 }));
  const stale = eventOf({ notice: { severity: "normal", title: "stale", text: "look" } });

  await tell(bench, stale);
  await tell(bench, stale);
  await tell(bench, eventOf());
  await tell(bench, eventOf({ notice: undefined, target: "quiet" }));
  advance(bench, 61 * minute);
  await tell(bench, stale);

  const found = await listNotifications(bench.app.db, { state: undefined, before: undefined, limit: 50 });
  assert.deepEqual(found.map(({ severity, title, repeats }) => `${severity} ${title} ${repeats}`).toSorted(), [
    "high backup set chronos is damaged 0",
    "normal stale 0",
    "normal stale 1",
  ]);
});

test("a sender whose lease was taken over marks nothing", async (t) => {
  const bench = await openOutbox(t, () => ({ status: 200 }));
  await notify(bench.app, askFor("hello"), "test");
  const at = (ms: number): string => new Date(bench.clock.now.getTime() + ms).toISOString();

  const mine = { channel: "webhook", severities: ["normal"] };
  const lost = await claimDelivery(bench.app.db, { ...mine, now: at(0), leaseUntil: at(minute) });
  const taken = await claimDelivery(bench.app.db, {
    ...mine,
    now: at(2 * minute),
    leaseUntil: at(4 * minute),
  });
  assert.ok(lost !== undefined && taken !== undefined);
  const late = await finishDelivery(bench.app.db, lost, { at: at(0), remoteId: undefined });
  const first = await finishDelivery(bench.app.db, taken, { at: at(0), remoteId: undefined });

  assert.deepEqual([late, first], [0, 1]);
});

test("delays double from two seconds to an hour", () => {
  assert.deepEqual(
    [1, 2, 5, 30].map((attempt) => backOff(attempt, 0.5)),
    [2_000, 4_000, 32_000, 3_600_000],
  );
});
