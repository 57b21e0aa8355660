import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import { testDatabase } from "#test/database.ts";

import { many, one, transaction } from "./database.ts";

test("a text that comes often is prepared on its connection, and goes on answering for each value", async (t) => {
  const { db } = await testDatabase(t);
  const Doubled = z.object({ doubled: z.int() });
  const Statement = z.object({ statement: z.string() });

  const { answers, prepared } = await transaction(db, async (tx) => {
    const found: number[] = [];
    for (let value = 0; value < 15; value += 1) {
      found.push((await one(tx, Doubled, sql`select ${value}::int * 2 as doubled`)).doubled);
    }
    await one(tx, Doubled, sql`select ${4}::int as doubled`);
    return { answers: found, prepared: await many(tx, Statement, sql`select statement from pg_prepared_statements`) };
  });

  assert.deepEqual(
    answers,
    Array.from({ length: 15 }, (_, value) => value * 2),
  );
  assert.deepEqual(prepared, [{ statement: "select $1::int * 2 as doubled" }]);
});
