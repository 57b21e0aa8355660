import { test } from "node:test";

import { survivesKilledStore, survivesKilledTellers } from "#test/killed-ledger.ts";

test("what a program had acknowledged before it was killed is there once, and so is what it tells again", async (t) => {
  await survivesKilledTellers(t, { calls: 400, kills: 2 });
});

test("what was acknowledged while PostgreSQL was killed is there once, and the sums are those of the calls", async (t) => {
  await survivesKilledStore(t, { calls: 400, kills: 1 });
});
