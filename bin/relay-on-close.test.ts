import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import { appendEvent } from "#events/events.ts";
import type { Relay } from "#events/feed.ts";
import { transaction } from "#store/database.ts";
import { testApp } from "#test/app.ts";

import { relayOnClose } from "./relay-on-close.ts";

/** What happens at the end of a command that wrote one event, in its order. */
async function closeAfterEvent(app: App, relays: (log: string[]) => readonly Relay[]): Promise<string[]> {
  const log: string[] = [];
  const close = async (): Promise<void> => {
    log.push("closed");
  };
  const event = { actor: "test", action: "test.event", target: "t", outcome: "ok", details: {} };
  await transaction(app.db, (tx) => appendEvent(tx, app.keys, event));
  await relayOnClose({ ...app, close }, relays(log), { write: (text) => log.push(text) }).close();
  return log;
}

test("events are taken and sent before the app closes, in silence", async (t) => {
  const app = await testApp(t);

  const log = await closeAfterEvent(app, (seen) => [
    {
      name: "messages",
      feeds: [{ name: "messages", take: async (_tx, _app, events) => void seen.push(`${events.length} taken`) }],
      deliver: async () => void seen.push("sent"),
    },
  ]);

  assert.deepEqual(log, ["1 taken", "sent", "closed"]);
});

test("what fails is one line, and the app closes all the same", async (t) => {
  const app = await testApp(t);

  const log = await closeAfterEvent(app, () => [
    { name: "messages", feeds: [{ name: "feed", take: () => Promise.reject(new Error("no room")) }] },
    { name: "mail", deliver: () => Promise.reject(new Error("no network")) },
  ]);

  assert.deepEqual(log, [
    "not everybody was told yet; the next command tries again: feed: no room; mail: no network\n",
    "closed",
  ]);
});
