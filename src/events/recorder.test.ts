import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import { one } from "#store/database.ts";
import { testApp } from "#test/app.ts";

import { listEvents, sealEvents } from "./events.ts";
import { createRecorder } from "./recorder.ts";
import type { NewEvent } from "./schema.ts";
import { verifyEvents } from "./verify.ts";

const event = (target: string, details: Record<string, unknown> = {}): NewEvent => ({
  ...{ actor: "test", action: "test.recorded", outcome: "done" },
  ...{ target, details },
});

test("what many record at once is durable when they hear of it, in few commits, each event with its own MAC", async (t) => {
  const app = await testApp(t);
  const record = createRecorder(app);
  const commits = () =>
    one(
      app.db,
      z.object({ count: z.int() }),
      sql`select count(distinct xmin::text) as count from event where action = 'test.recorded'`,
    );

  await Promise.all(Array.from({ length: 60 }, (_, place) => record(event(`t${place}`, { place }))));

  const { count } = await commits();
  assert.ok(count < 10, `${count} commits`);
  await sealEvents(app);
  const written = await listEvents(app, { after: 0, limit: 100 });
  assert.deepEqual(
    new Map(written.map(({ target, details }) => [target, details["place"]])),
    new Map(Array.from({ length: 60 }, (_, place) => [`t${place}`, place])),
  );
  assert.deepEqual((await verifyEvents(app)).faults, []);
});

test("an event that cannot be written is refused to its own caller alone", async (t) => {
  const app = await testApp(t);
  const record = createRecorder(app);

  const told = await Promise.allSettled([record(event("a")), record({ ...event("b"), key: "" }), record(event("c"))]);

  assert.deepEqual(
    told.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  await sealEvents(app);
  assert.equal((await listEvents(app, { after: 0, limit: 10 })).length, 2);
});
