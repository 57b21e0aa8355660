import assert from "node:assert/strict";
import { test } from "node:test";

import type { Check } from "#domain.ts";
import { advance, askFor, deliver, minute, type Outbox, openOutbox } from "#test/outbox.ts";

import { checkChannels } from "./checks.ts";
import { notificationJobs } from "./jobs.ts";
import { notify } from "./notifications.ts";
import { listNotifications } from "./queries.ts";

const webhook = { url: "https://hook.example/x", secret: "env:WEBHOOK" };
const vault = { bot_token: "vault:telegram/bot_token", chat_id: "1" };

async function find({ app }: Pick<Outbox, "app">, subject: string): Promise<Check> {
  const found = (await checkChannels(app)).find((check) => check.subject === subject);
  assert.ok(found);
  return found;
}

test("a channel is fine while it sends, loose with what waits long or is dead, and nothing is sent to learn it", async (t) => {
  let status = 200;
  const outbox = await openOutbox(t, () => ({ status }));
  const states: string[] = [(await find(outbox, "channel webhook")).detail];

  status = 500;
  await notify(outbox.app, askFor("hello"), "test");
  await deliver(outbox);
  states.push((await find(outbox, "channel webhook")).detail);
  advance(outbox, 16 * minute);
  const late = await find(outbox, "channel webhook");
  status = 400;
  await deliver(outbox);
  const dead = await find(outbox, "channel webhook");

  assert.deepEqual(states, ["nothing waits", "1 messages are on their way"]);
  assert.deepEqual([late.state, dead.state], ["loose", "loose"]);
  assert.match(late.detail, /1 messages wait, the oldest since 2026-11-22T12:00:00.000Z$/);
  assert.equal(dead.remedy, "leveredge notifications list --only dead");
  assert.equal(outbox.server.asked.length, 2);
});

test("a channel whose secret does not open has failed, and one that is gone can be dropped", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 200 }), { channels: { webhook, telegram: vault } });
  await notify(outbox.app, askFor("hello", "telegram"), "test");

  const blocked = await find(outbox, "channel telegram");
  const { notifications } = outbox.app.config;
  assert.ok(notifications);
  const config = { ...outbox.app.config, notifications: { ...notifications, channels: { webhook } } };
  const gone = await find({ app: { ...outbox.app, config } }, "channel telegram");

  assert.equal(blocked.state, "failed");
  assert.match(blocked.detail, /is blocked: there is no credential telegram; 1 messages wait/);
  assert.equal(gone.state, "loose");
  assert.match(gone.remedy ?? "", /leveredge notifications drop --channel telegram$/);
});

test("what is refused by the service shows as blocked with the reason, without asking it again", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 401, body: "unknown token" }));
  await notify(outbox.app, askFor("hello"), "test");
  await deliver(outbox);

  const check = await find(outbox, "channel webhook");

  assert.equal(check.state, "failed");
  assert.match(check.detail, /is blocked: webhook answered 401: unknown token; 1 messages wait/);
  assert.equal(outbox.server.asked.length, 1);
});

test("messages of long ago are forgotten, unless they still wait or are dead", async (t) => {
  const outbox = await openOutbox(t, (index) => ({ status: [200, 400, 500][index] ?? 500 }));
  for (const text of ["sent", "dead", "waits"]) {
    await notify(outbox.app, askFor(text), "test");
    await deliver(outbox);
    advance(outbox, 1_000);
  }
  advance(outbox, 91 * 24 * 60 * minute);

  const [job] = notificationJobs;
  await job?.run(outbox.app, {}, { jobId: "1", actor: "test", signal: outbox.app.signal, progress: () => undefined });

  const left = await listNotifications(outbox.app.db, { state: undefined, before: undefined, limit: 10 });
  assert.deepEqual(left.map(({ text }) => text).toSorted(), ["dead", "waits"]);
});
