import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";

import { makePair, rowsInput, rowsOf } from "#test/row-pair.ts";
import { dropDatabase, testCluster } from "#test/database.ts";

import { withEnds, withWriter } from "./ends.ts";

const schema = "create table kept (id int);";

test("a database that is dropped midway is named with what to do", async (t) => {
  const pair = await makePair(t, schema);
  const { from, to, signal } = rowsInput(pair, []);
  const cluster = await testCluster({ major: 15 });

  const reading = withEnds({ from, to }, signal, async ({ dev }) => {
    await dropDatabase(cluster, pair.dev.name);
    await dev.query("select 1");
  });

  await assert.rejects(reading, {
    message: /^cannot connect to dev: there is no database/,
    hint: /create the database/,
  });
});

test("a connection that is lost while both databases answer is told as such", async (t) => {
  const pair = await makePair(t, schema);
  const { from, to, signal } = rowsInput(pair, []);

  const reading = withEnds({ from, to }, signal, ({ dev }) =>
    dev.query("select pg_terminate_backend(pg_backend_pid())"),
  );

  await assert.rejects(reading, { code: "unavailable", message: "the connection to prod or dev was lost" });
});

test("what is read ends at once when it is stopped", async (t) => {
  const { from, to } = rowsInput(await makePair(t, schema), []);
  const stop = new AbortController();

  const reading = withEnds({ from, to }, stop.signal, async ({ prod }) => {
    const sleeping = prod.query("select pg_sleep(600)");
    stop.abort();
    await sleeping;
  });

  await assert.rejects(reading, { code: "unavailable", message: /stopped/ });
});

test("a statement that begins only after the stop is cancelled too", async (t) => {
  const pair = await makePair(t, schema);
  const { from, to } = rowsInput(pair, []);
  const stop = new AbortController();

  const writing = withWriter({ from, to }, { signal: stop.signal, lockTimeoutMs: 1000 }, async (client) => {
    stop.abort();
    await sleep(1000);
    await client.query("insert into kept select 1 from pg_sleep(600)");
  });

  await assert.rejects(writing, { code: "57014" });
  assert.deepEqual(await rowsOf(pair.dev, "select * from kept"), []);
});

test("a statement that is being written is cancelled when it is stopped, and nothing of it stays", async (t) => {
  const pair = await makePair(t, schema);
  const { from, to } = rowsInput(pair, []);
  const stop = new AbortController();

  const writing = withWriter({ from, to }, { signal: stop.signal, lockTimeoutMs: 1000 }, async (client) => {
    const sleeping = client.query("insert into kept select 1 from pg_sleep(600)");
    stop.abort();
    await sleeping;
  });

  await assert.rejects(writing, { code: "57014" });
  assert.deepEqual(await rowsOf(pair.dev, "select * from kept"), []);
});
