import assert from "node:assert/strict";
import { test } from "node:test";

import { testDatabase } from "#test/database.ts";

import { openOwnerSession, openPool } from "./session.ts";

test("a connection that breaks while it is in use fails its own query alone, and the next one is another", async (t) => {
  const { ownerUrl } = await testDatabase(t);
  const pool = openPool(ownerUrl, { max: 2 });
  const client = await pool.connect();
  t.after(async () => {
    client.release(true);
    await pool.end();
  });
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");

  // `once` of node:events would listen for errors too.
  const broken = new Promise((resolve) => client.once("end", resolve));
  const owner = await openOwnerSession(ownerUrl);
  await owner.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
  await owner.end();
  await broken;

  await assert.rejects(client.query("select 1"));
  assert.equal((await pool.query("select 1")).rowCount, 1);
});
