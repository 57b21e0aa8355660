import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";
import pg from "pg";

import type { App } from "#app.ts";
import { type Db, run, transaction } from "#store/database.ts";
import { testApp, testOwnedApp } from "#test/app.ts";

import { listDelays } from "./cursor-queries.ts";
import { appendEvent } from "./events.ts";
import { type Feed, type Relay, relayEvents } from "./feed.ts";

const options = { deliverWithinMs: 5_000, signal: new AbortController().signal };

async function append(app: App, ...targets: string[]): Promise<void> {
  for (const target of targets) {
    const notice = { severity: "normal", title: `about ${target}`, text: "look" } as const;
    const event = { actor: "test", action: "test.event", target, outcome: "ok", details: { target }, notice };
    await transaction(app.db, (tx) => appendEvent(tx, app.keys, event));
  }
}

/** Keeps in memory what it is given. */
function recorder(name: string, seen: string[]): Feed {
  return {
    name,
    take: async (_tx, _app, events) => {
      seen.push(...events.map(({ target }) => target));
    },
  };
}

test("every feed takes each event once, in the order of the chain, with what people are told", async (t) => {
  const app = await testApp(t);
  const [one, two]: [string[], unknown[]] = [[], []];
  const noticed: Feed = {
    name: "noticed",
    take: async (_tx, _app, events) => {
      two.push(...events.map(({ notice, details }) => ({ notice, details })));
    },
  };
  const relays: Relay[] = [
    { name: "one", feeds: [recorder("one", one)] },
    { name: "two", feeds: [noticed] },
    { name: "none" },
  ];

  await append(app, "a", "b");
  await relayEvents(app, relays, options);
  await append(app, "c");
  await relayEvents(app, relays, options);
  await relayEvents(app, relays, options);

  assert.deepEqual(one, ["a", "b", "c"]);
  assert.deepEqual(
    two,
    ["a", "b", "c"].map((target) => ({
      notice: { severity: "normal", title: `about ${target}`, text: "look" },
      details: { target },
    })),
  );
});

test("more events than one batch are taken by one call", async (t) => {
  const app = await testApp(t);
  const seen: string[] = [];
  const targets = Array.from({ length: 501 }, (_, index) => String(index));
  await append(app, ...targets);

  await relayEvents(app, [{ name: "r", feeds: [recorder("one", seen)] }], options);

  assert.deepEqual(seen, targets);
});

test("a feed that fails is told, holds up nobody else, leaves nothing and takes the same events next time", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  const sound: string[] = [];
  const broken: Feed = {
    name: "broken",
    take: async (tx, _app, events) => {
      for (const { target } of events) await run(tx, sql`insert into taken (target) values (${target})`);
      if (isBroken) throw new Error("password=hunter2hunter2");
    },
  };
  let isBroken = true;
  await asOwner(ownerUrl.reveal(), "create table taken (target text); grant all on taken to leveredge_app");
  const relays = [{ name: "r", feeds: [broken, recorder("sound", sound)] }];
  await append(app, "a");

  const failures = await relayEvents(app, relays, options);
  const delays = await listDelays(app.db);
  isBroken = false;
  const none = await relayEvents(app, relays, options);

  assert.deepEqual(failures, [{ relay: "broken", why: "password=[secret]" }]);
  assert.deepEqual(
    delays.map(({ since: _since, ...delay }) => delay),
    [{ feed: "broken", position: 0, behind: 1, failure: "password=[secret]" }],
  );
  assert.deepEqual([none, await listDelays(app.db)], [[], []]);
  assert.deepEqual(sound, ["a"]);
  assert.deepEqual((await sql`select target from taken`.execute(app.db)).rows, [{ target: "a" }]);
});

test("a second relay waits for the one that is taking events, and takes none of them again", async (t) => {
  const app = await testApp(t);
  const seen: string[] = [];
  let second: Promise<unknown> | undefined;
  const feed: Feed = {
    name: "one",
    take: async (tx, _app, events) => {
      seen.push(...events.map(({ target }) => target));
      if (second !== undefined) return;
      second = relayEvents(app, relays, options);
      while (seen.length === 1 && !(await isSomebodyWaiting(tx)));
    },
  };
  const relays = [{ name: "r", feeds: [feed] }];
  await append(app, "a");

  const failures = await relayEvents(app, relays, options);

  assert.deepEqual([failures, await second], [[], []]);
  assert.deepEqual(seen, ["a"]);
});

test("a feed that is new to an old store begins with the events of the last day", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  const [early, late]: [string[], string[]] = [[], []];
  await append(app, "old", "older");
  await relayEvents(app, [{ name: "r", feeds: [recorder("early", early)] }], options);
  await asOwner(
    ownerUrl.reveal(),
    "set session_replication_role = replica; alter table event disable trigger all; update event set at = at - interval '25 hours'",
  );
  await append(app, "fresh");

  await relayEvents(app, [{ name: "r", feeds: [recorder("early", early), recorder("late", late)] }], options);

  assert.deepEqual(early, ["old", "older", "fresh"]);
  assert.deepEqual(late, ["fresh"]);
});

test("deliveries run beside each other, end with the time they are given, and one that throws is told", async (t) => {
  const app = await testApp(t);
  const delivered: string[] = [];
  const untilAborted: Relay["deliver"] = (_app, { signal }) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        delivered.push("aborted");
        resolve();
      });
    });
  const relays: Relay[] = [
    { name: "slow", deliver: untilAborted },
    { name: "bad", deliver: () => Promise.reject(new Error("no network")) },
    {
      name: "good",
      deliver: async () => {
        delivered.push("good");
      },
    },
  ];

  const failures = await relayEvents(app, relays, { ...options, deliverWithinMs: 50 });

  assert.deepEqual(delivered, ["good", "aborted"]);
  assert.deepEqual(failures, [{ relay: "bad", why: "no network" }]);
});

test("after an interruption events are taken and nothing is sent", async (t) => {
  const app = await testApp(t);
  const seen: string[] = [];
  await append(app, "a");
  const deliver: Relay["deliver"] = async () => {
    seen.push("sent");
  };

  await relayEvents(app, [{ name: "r", feeds: [recorder("one", seen)], deliver }], {
    ...options,
    signal: AbortSignal.abort(),
  });

  assert.deepEqual(seen, ["a"]);
});

/** Whether another session of this database waits for a lock. */
async function isSomebodyWaiting(db: Db): Promise<boolean> {
  const { rows } = await sql`
    select from pg_locks join pg_stat_activity using (pid) where datname = current_database() and not granted`.execute(
    db,
  );
  return rows.length > 0;
}

async function asOwner(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set search_path = leveredge; ${statements}`);
  } finally {
    await client.end();
  }
}
