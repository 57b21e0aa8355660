import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import { appendEvent, listEvents } from "#events/events.ts";
import type { Relay } from "#events/feed.ts";
import { transaction } from "#store/database.ts";
import { testApp } from "#test/app.ts";

import { relayOnClose } from "./relay-on-close.ts";

/** What happens at the end of a command, in its order. */
async function closeAfter(
  app: App,
  work: (app: App) => Promise<void>,
  relays: (log: string[]) => readonly Relay[],
): Promise<string[]> {
  const log: string[] = [];
  const close = async (): Promise<void> => {
    log.push("closed");
  };
  const command = relayOnClose({ ...app, close }, relays(log), { write: (text) => log.push(text) });
  await work(command);
  await command.close();
  return log;
}

async function append(app: App): Promise<void> {
  const event = { actor: "test", action: "test.event", target: "t", outcome: "ok", details: {} };
  await transaction(app.db, (tx) => appendEvent(tx, app.keys, event));
}

test("events are taken and sent before the app closes, in silence", async (t) => {
  const app = await testApp(t);

  const log = await closeAfter(app, append, (seen) => [
    {
      name: "messages",
      feeds: [{ name: "messages", take: async (_tx, _app, events) => void seen.push(`${events.length} taken`) }],
      deliver: async () => void seen.push("sent"),
    },
  ]);

  assert.deepEqual(log, ["1 taken", "sent", "closed"]);
});

test("a command that only reads takes and sends nothing, also of what others wrote", async (t) => {
  const app = await testApp(t);
  await append(app);
  const take = (): never => assert.fail("taken");

  const log = await closeAfter(
    app,
    async ({ db, keys }) => {
      await listEvents({ db }, { after: 0, limit: 1 });
      keys.key("fingerprint");
    },
    () => [{ name: "messages", feeds: [{ name: "messages", take }], deliver: () => assert.fail("sent") }],
  );

  assert.deepEqual(log, ["closed"]);
});

test("what fails is one line, and the app closes all the same", async (t) => {
  const app = await testApp(t);

  const log = await closeAfter(app, append, () => [
    { name: "messages", feeds: [{ name: "feed", take: () => Promise.reject(new Error("no room")) }] },
    { name: "mail", deliver: () => Promise.reject(new Error("no network")) },
  ]);

  assert.deepEqual(log, [
    "not everybody was told yet, it is tried again later: feed: no room; mail: no network\n",
    "closed",
  ]);
});
