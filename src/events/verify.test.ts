import assert from "node:assert/strict";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import pg from "pg";

import type { App } from "#app.ts";
import { transaction } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { testDatabase } from "#test/database.ts";

import { appendEvent, sealEvents } from "./events.ts";
import { type Fault, verifyEvents } from "./verify.ts";

type Recorder = Pick<App, "db" | "keys" | "stateDir"> & {
  /** Runs SQL as the owner of the tables with every trigger and foreign key off. */
  tamper(sql: string): Promise<void>;
};

/** Six events, all sealed. */
async function openRecord(t: TestContext): Promise<Recorder> {
  const { db, ownerUrl } = await testDatabase(t);
  const stateDir = await mkdtemp(join(tmpdir(), "leveredge-verify-"));
  t.after(() => rm(stateDir, { recursive: true }));
  const app = { db, stateDir, keys: await openKeyRing(db, stateDir) };
  await append(app, 6);
  await sealEvents(app);
  return { ...app, tamper: (sql) => tamper(ownerUrl.reveal(), sql) };
}

async function append({ db, keys }: Pick<App, "db" | "keys">, count: number): Promise<void> {
  await transaction(db, async (tx) => {
    for (let number = 1; number <= count; number += 1) {
      const details = { number };
      await appendEvent(tx, keys, {
        actor: "test",
        action: "test.event",
        target: `t${number}`,
        outcome: "ok",
        details,
      });
    }
  });
}

async function tamper(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`
      set search_path = leveredge;
      set session_replication_role = replica;
      alter table event disable trigger all;
      alter table event_chain disable trigger all;
      ${sql}`);
  } finally {
    await client.end();
  }
}

function places(faults: Fault[]): string[] {
  return faults.map((fault) => `${fault.kind} ${fault.position ?? "-"} ${fault.eventId ?? "-"}`);
}

test("an untouched record has no faults and its head file confirms it", async (t) => {
  const app = await openRecord(t);

  const { faults, headFile, events, sealed, unsealed, head } = await verifyEvents(app);

  assert.deepEqual(
    { faults, headFile, events, sealed, unsealed },
    { faults: [], headFile: "confirms", events: 6, sealed: 6, unsealed: 0 },
  );
  assert.equal(head?.position, 6);
});

const rewrites: { what: string; sql: string; found: string[] }[] = [
  { what: "an edited text", sql: "update event set target = 't9' where id = 3", found: ["edited 3 3"] },
  {
    what: "an instant moved by a microsecond",
    sql: "update event set at = at + interval '1 us' where id = 3",
    found: ["edited 3 3"],
  },
  {
    what: "details edited within a number's rounding",
    sql: `update event set details = '{"number": 3.0}' where id = 3`,
    found: ["edited 3 3"],
  },
  { what: "a removed environment", sql: "update event set environment = 'prod' where id = 2", found: ["edited 2 2"] },
  { what: "an unknown key version", sql: "update event set key_version = 9 where id = 3", found: ["edited 3 3"] },
  {
    what: "an event copied over another",
    sql: "update event a set (at, actor, action, target, details, mac) = (select at, actor, action, target, details, mac from event b where b.id = 4) where id = 3",
    found: ["edited 3 3"],
  },
  { what: "an event that is gone", sql: "delete from event where id = 3", found: ["deleted 3 3"] },
  {
    what: "an event gone with its link",
    sql: "delete from event where id = 3; delete from event_chain where event_id = 3",
    found: ["deleted 3 -"],
  },
  {
    what: "a stretch gone from the middle",
    sql: "delete from event where id in (2, 3, 4); delete from event_chain where event_id in (2, 3, 4)",
    found: ["deleted 2 -"],
  },
  {
    what: "a gap that was closed by renumbering",
    sql: "delete from event where id = 3; delete from event_chain where event_id = 3; update event_chain set position = position - 1 where position > 3",
    found: ["moved 3 4", "moved 4 5", "moved 5 6", "cut 6 -"],
  },
  {
    what: "a link that is gone",
    sql: "delete from event_chain where event_id = 3",
    found: ["deleted 3 -", "inserted - 3"],
  },
  {
    what: "an event slipped in before it is sealed",
    sql: "insert into event select 7, null, at, actor, action, target, environment, outcome, details, key_version, mac from event where id = 3; insert into event_unsealed values (7)",
    found: ["inserted - 7"],
  },
  {
    what: "an event slipped in with a link",
    sql: "insert into event select 7, null, at, actor, action, target, environment, outcome, details, key_version, mac from event where id = 3; insert into event_chain select 7, 7, key_version, mac from event_chain where event_id = 3",
    found: ["edited 7 7"],
  },
  {
    what: "two events that changed places",
    sql: "update event_chain set event_id = 0 where position = 2; update event_chain set event_id = 2 where position = 5; update event_chain set event_id = 5 where position = 2",
    found: ["moved 2 5", "moved 5 2"],
  },
  {
    what: "a rewritten link",
    sql: "update event_chain set mac = sha256('x') where position = 3",
    found: ["moved 3 3", "moved 4 4"],
  },
  {
    what: "the last two cut off",
    sql: "delete from event where id > 4; delete from event_chain where position > 4",
    found: ["cut 6 -"],
  },
  { what: "everything cut off", sql: "truncate event, event_chain, event_unsealed", found: ["cut 6 -"] },
];

test("each way of rewriting the record is found where it is", async (t) => {
  const app = await openRecord(t);
  await app.tamper("create table event_kept as table event; create table event_chain_kept as table event_chain");
  const restore = `
    truncate event, event_chain, event_unsealed;
    insert into event table event_kept;
    insert into event_chain table event_chain_kept`;

  for (const { what, sql, found } of rewrites) {
    await app.tamper(`${restore}; ${sql}`);
    const { faults } = await verifyEvents(app);
    assert.deepEqual(places(faults), found, what);
  }
});

test("an event that is removed while it waits to be sealed is missed", async (t) => {
  const app = await openRecord(t);
  await append(app, 1);
  await app.tamper("delete from event where id = 7");

  const { faults } = await verifyEvents(app);

  assert.deepEqual(places(faults), ["deleted - 7"]);
});

test("a cut-off end stays visible when events are sealed after it", async (t) => {
  const app = await openRecord(t);
  await app.tamper("delete from event where id > 4; delete from event_chain where position > 4");
  await append(app, 5);
  await sealEvents(app);

  const { faults, headFile, sealed } = await verifyEvents(app);

  assert.equal(sealed, 9);
  assert.equal(headFile, "contradicts");
  assert.deepEqual(places(faults), ["cut 6 -"]);
});

test("events that wait for their position are counted and are no fault", async (t) => {
  const app = await openRecord(t);
  await append(app, 2);

  const { faults, events, sealed, unsealed } = await verifyEvents(app);

  assert.deepEqual({ faults, events, sealed, unsealed }, { faults: [], events: 8, sealed: 6, unsealed: 2 });
});

test("another store in place of this one is told by the head file", async (t) => {
  const [app, other] = [await openRecord(t), await openRecord(t)];
  await app.tamper("update instance set id = gen_random_uuid()");
  await rename(join(other.stateDir, "audit-head.json"), join(app.stateDir, "audit-head.json"));
  const replaced = { ...app, keys: { ...app.keys, instanceId: "00000000-0000-4000-8000-000000000000" } };

  const { faults } = await verifyEvents(replaced);

  assert.match(faults.at(-1)?.text ?? "", /the head file belongs to store/);
});

test("a damaged head file is told, and sealing leaves it as it is", async (t) => {
  const app = await openRecord(t);
  const path = join(app.stateDir, "audit-head.json");
  await writeFile(path, '{"position": 2');
  await append(app, 1);
  await sealEvents(app);

  const { faults, headFile } = await verifyEvents(app);

  assert.equal(headFile, "contradicts");
  assert.deepEqual(places(faults), ["cut - -"]);
  assert.equal(await readFile(path, "utf8"), '{"position": 2');
});

test("without a head file the record verifies, and says that its end is not confirmed", async (t) => {
  const app = await openRecord(t);
  await rm(join(app.stateDir, "audit-head.json"));

  const { faults, headFile } = await verifyEvents(app);

  assert.deepEqual({ faults, headFile }, { faults: [], headFile: "missing" });
});
