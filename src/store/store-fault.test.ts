import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";

import { sql } from "kysely";
import pg from "pg";

import { freshDatabase, testDatabase } from "#test/database.ts";

import { nameStoreFault } from "./store-fault.ts";

/** The error of a connection that cannot be made. */
async function failToConnect(settings: pg.ClientConfig): Promise<unknown> {
  const client = new pg.Client({ ...settings, connectionTimeoutMillis: 2_000 });
  return client.connect().then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The error of a query whose session the server ends. */
async function failToGoOn(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  return client.query("select pg_terminate_backend(pg_backend_pid()), pg_sleep(10)").catch((error: unknown) => error);
}

async function findClosedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  server.close();
  await once(server, "close");
  return address.port;
}

test("a server that is gone, or goes in the middle of a query, is named; a query's own fault is not", async (t) => {
  const { db } = await testDatabase(t);
  const { url } = await freshDatabase(t);
  const closedPort = await findClosedPort();

  const faults = [
    await failToConnect({ host: "127.0.0.1", port: closedPort }),
    await failToConnect({ host: "/nonexistent" }),
    await failToGoOn(url),
  ];
  const own = await sql`select 1 / 0`.execute(db).catch((error: unknown) => error);

  assert.deepEqual(
    faults.map((error) => nameStoreFault(error)?.code),
    ["unavailable", "unavailable", "unavailable"],
  );
  assert.ok(own instanceof Error);
  assert.equal(nameStoreFault(own), undefined);
  assert.equal(nameStoreFault(new Error("listen", { cause: faults[0] })), undefined);
});
