import { test } from "node:test";

import { survivesKilledStore, survivesKilledTellers } from "#test/killed-ledger.ts";

test("ten thousand acknowledged calls survive that those who tell them are killed", async (t) => {
  await survivesKilledTellers(t, { calls: 10_000, kills: 8 });
});

test("ten thousand acknowledged calls survive that PostgreSQL is killed", async (t) => {
  await survivesKilledStore(t, { calls: 10_000, kills: 6 });
});
