import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import { relayEvents } from "#events/feed.ts";
import { appendEvent } from "#events/events.ts";
import type { NewEvent } from "#events/schema.ts";
import { transaction } from "#store/database.ts";
import { testApp } from "#test/app.ts";

import { knowledge } from "./domain.ts";
import { listEntries } from "./queries.ts";

const options = { deliverWithinMs: 1000, signal: new AbortController().signal };
const newest = { before: undefined, limit: 100 };

async function append(app: App, event: Partial<NewEvent>): Promise<void> {
  const whole = { actor: "test", action: "backups.drill", target: "set chronos", outcome: "damaged", details: {} };
  await transaction(app.db, (tx) => appendEvent(tx, app.keys, { ...whole, ...event }));
}

test("each event that people are told of is one entry, whatever its severity", async (t) => {
  const app = await testApp(t);
  await append(app, { environment: "prod", notice: { severity: "high", title: "chronos is damaged", text: "look" } });
  await append(app, { details: { of: "no interest" } });
  await append(app, { action: "hardening.run", notice: { severity: "low", title: "", text: "begun" } });

  await relayEvents(app, [knowledge], options);
  await relayEvents(app, [knowledge], options);

  const store = app.keys.instanceId.slice(0, 8);
  assert.deepEqual(
    (await listEntries(app.db, newest)).map(({ id: _id, createdAt: _at, ...entry }) => entry),
    [
      {
        title: "hardening.run",
        content: "begun",
        category: "hardening",
        source: `leveredge:event:3:${store}`,
        environment: null,
      },
      {
        title: "chronos is damaged",
        content: "look",
        category: "backups",
        source: `leveredge:event:1:${store}`,
        environment: "prod",
      },
    ],
  );
});

test("the list is paged by id, the newest first", async (t) => {
  const app = await testApp(t);
  for (const title of ["one", "two", "three"]) await append(app, { notice: { severity: "low", title, text: "" } });
  await relayEvents(app, [knowledge], options);

  const first = await listEntries(app.db, { before: undefined, limit: 2 });
  const second = await listEntries(app.db, { before: first.at(-1)?.id, limit: 2 });

  assert.deepEqual(
    [first, second].map((page) => page.map(({ title }) => title)),
    [["three", "two"], ["one"]],
  );
});

test("the application can neither change nor remove an entry", async (t) => {
  const app = await testApp(t);
  const { sql } = await import("kysely");

  for (const statement of ["update aria_knowledge set title = 'x'", "delete from aria_knowledge"]) {
    await assert.rejects(sql.raw(statement).execute(app.db), { code: "42501" }, statement);
  }
});
