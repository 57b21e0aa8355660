import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import fc from "fast-check";
import { sql } from "kysely";
import pg from "pg";

import type { App } from "#app.ts";
import { Secret } from "#secrets/secret.ts";
import { type Db, transaction } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { testDatabase } from "#test/database.ts";

import { appendEvent, listEvents, sealEvents } from "./events.ts";
import type { NewEvent } from "./schema.ts";
import { verifyEvents } from "./verify.ts";

type Recorder = Pick<App, "db" | "keys" | "stateDir"> & { ownerUrl: Secret };

const everything = { after: 0, limit: 1000 };

async function openRecorder(t: TestContext): Promise<Recorder> {
  const { db, ownerUrl } = await testDatabase(t);
  const stateDir = await mkdtemp(join(tmpdir(), "leveredge-events-"));
  t.after(() => rm(stateDir, { recursive: true }));
  return { db, keys: await openKeyRing(db, stateDir), stateDir, ownerUrl };
}

function eventOf(target: string, more: Partial<NewEvent> = {}): NewEvent {
  return { actor: "test", action: "test.event", target, outcome: "ok", details: {}, ...more };
}

async function append({ db, keys }: Recorder, ...events: NewEvent[]): Promise<void> {
  for (const event of events) await transaction(db, (tx) => appendEvent(tx, keys, event));
}

test("an event reads back as it was appended, once it is sealed", async (t) => {
  const app = await openRecorder(t);
  const details = { text: "naïve ☂", numbers: [1, 1.5, -0, 1e21, 1e-7], nested: { b: null, a: true }, "": "" };
  await append(app, eventOf("one", { key: "k1", environment: "dev", details }));
  assert.deepEqual(await listEvents(app, everything), []);

  await sealEvents(app);

  const [event] = await listEvents(app, everything);
  assert.ok(event);
  const { at, id, ...rest } = event;
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.equal(id, 1);
  const { numbers, ...others } = details;
  assert.deepEqual(rest, {
    position: 1,
    key: "k1",
    actor: "test",
    action: "test.event",
    target: "one",
    environment: "dev",
    outcome: "ok",
    details: { ...others, numbers: numbers.with(2, 0) },
  });
});

test("an event whose key was written before changes nothing", async (t) => {
  const app = await openRecorder(t);

  await append(app, eventOf("first", { key: "same" }), eventOf("second", { key: "same" }), eventOf("third"));
  await sealEvents(app);

  assert.deepEqual(
    (await listEvents(app, everything)).map((event) => event.target),
    ["first", "third"],
  );
});

test("an event of a transaction that is rolled back does not exist and leaves no gap in the chain", async (t) => {
  const app = await openRecorder(t);
  await append(app, eventOf("before"));
  const failing = transaction(app.db, async (tx) => {
    await appendEvent(tx, app.keys, eventOf("undone"));
    throw new Error("the change failed");
  });
  await assert.rejects(failing, /the change failed/);
  await append(app, eventOf("after"));

  await sealEvents(app);

  const events = await listEvents(app, everything);
  assert.deepEqual(
    events.map(({ position, target }) => [position, target]),
    [
      [1, "before"],
      [2, "after"],
    ],
  );
  assert.deepEqual((await verifyEvents(app)).faults, []);
});

test("an event that becomes visible after a higher number gets its position once, later", async (t) => {
  const app = await openRecorder(t);
  const slow = await holdTransaction(app.db, (tx) => appendEvent(tx, app.keys, eventOf("slow")));
  await append(app, eventOf("quick"));
  await sealEvents(app);
  const before = await listEvents(app, everything);

  await slow.commit();
  await sealEvents(app);

  const events = await listEvents(app, everything);
  assert.deepEqual(
    before.map((event) => event.target),
    ["quick"],
  );
  assert.deepEqual(
    events.map(({ position, id, target }) => [position, id, target]),
    [
      [1, 2, "quick"],
      [2, 1, "slow"],
    ],
  );
  assert.deepEqual((await verifyEvents(app)).faults, []);
});

test("writers and sealers at once give each event one position without a gap", async (t) => {
  const app = await openRecorder(t);
  const names = Array.from({ length: 40 }, (_, number) => `event ${number}`);
  const writers = [0, 1, 2].map((part) =>
    append(app, ...names.filter((_, n) => n % 3 === part).map((name) => eventOf(name))),
  );
  const sealers = [0, 1, 2].map(async () => {
    for (let round = 0; round < 8; round += 1) await sealEvents(app);
  });

  await Promise.all([...writers, ...sealers]);
  await sealEvents(app);

  const events = await listEvents(app, everything);
  assert.deepEqual(
    events.map((event) => event.position),
    names.map((_, index) => index + 1),
  );
  assert.deepEqual(events.map((event) => event.target).toSorted(), names.toSorted());
  const { faults, headFile, unsealed } = await verifyEvents(app);
  assert.deepEqual({ faults, headFile, unsealed }, { faults: [], headFile: "confirms", unsealed: 0 });
});

test("more events than one batch are sealed by one call", async (t) => {
  const app = await openRecorder(t);
  await transaction(app.db, async (tx) => {
    for (let number = 0; number < 501; number += 1) await appendEvent(tx, app.keys, eventOf(`event ${number}`));
  });

  assert.equal(await sealEvents(app), 501);

  const { sealed, faults } = await verifyEvents(app);
  assert.deepEqual({ sealed, faults }, { sealed: 501, faults: [] });
});

test("a head file that was not written after a seal is written by the next", async (t) => {
  const app = await openRecorder(t);
  await append(app, eventOf("one"));
  await sealEvents(app);
  await rm(join(app.stateDir, "audit-head.json"));

  await sealEvents(app);

  const head = JSON.parse(await readFile(join(app.stateDir, "audit-head.json"), "utf8"));
  assert.equal(head.position, 1);
});

test("any text in an event is stored and verifies, and a secret in it is not stored", async (t) => {
  const app = await openRecorder(t);
  const text = fc.string({ unit: "binary", maxLength: 20 });
  const halves = fc.constantFrom("\ud800", "a\udc00", "\0", "");
  const json = fc.jsonValue({ stringUnit: "binary" });

  await fc.assert(
    fc.asyncProperty(text, halves, fc.dictionary(text, json), async (target, half, details) => {
      await append(app, eventOf(target + half, { details: { ...details, half } }));
    }),
    { numRuns: 25 },
  );
  await append(app, eventOf("x", { details: { url: "postgres://u:hunter2@h/d", nested: [new Secret("hunter2")] } }));
  await sealEvents(app);

  assert.deepEqual((await verifyEvents(app)).faults, []);
  const [last] = await listEvents(app, { after: 25, limit: 1 });
  assert.deepEqual(last?.details, { url: "postgres://u:[secret]@h/d", nested: ["[secret]"] });
});

test("the application can neither change, remove nor empty what it has written", async (t) => {
  const app = await openRecorder(t);
  await append(app, eventOf("one"));
  await sealEvents(app);

  for (const table of ["event", "event_chain"]) {
    for (const statement of [`update ${table} set mac = mac`, `delete from ${table}`, `truncate ${table} cascade`]) {
      await assert.rejects(sql.raw(statement).execute(app.db), { code: "42501" }, statement);
    }
  }
});

test("the owner is refused too, also when replication is said to be going on", async (t) => {
  const app = await openRecorder(t);

  for (const role of ["origin", "replica"]) {
    for (const statement of ["update event set mac = mac", "delete from event_chain", "truncate event cascade"]) {
      const attempt = asOwner(app, `set session_replication_role = ${role}; ${statement}`);
      await assert.rejects(attempt, /are written once/, statement);
    }
  }
});

async function asOwner({ ownerUrl }: Recorder, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl.reveal() });
  await client.connect();
  try {
    await client.query(`set search_path = leveredge; ${statements}`);
  } finally {
    await client.end();
  }
}

type HeldTransaction = { commit(): Promise<void> };

/** A transaction that has done its work and waits to be committed. */
async function holdTransaction(db: Db, work: (tx: Db) => Promise<void>): Promise<HeldTransaction> {
  const done = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const committed = transaction(db, async (tx) => {
    await work(tx);
    done.resolve();
    await released.promise;
  });
  await Promise.race([done.promise, committed]);
  return {
    commit: async () => {
      released.resolve();
      await committed;
    },
  };
}
