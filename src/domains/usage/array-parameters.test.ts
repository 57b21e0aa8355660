import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";
import { type RawBuilder, sql } from "kysely";

import type { Db } from "#store/database.ts";
import { testDatabase } from "#test/database.ts";

import {
  type ArrayParameter,
  bigintArray,
  booleanArray,
  instantArray,
  integerArray,
  textArray,
  uuidArray,
} from "./array-parameters.ts";

type Column<T> = {
  values: fc.Arbitrary<T>;
  encode: (rows: readonly (T | null)[]) => ArrayParameter;
  /** As PostgreSQL understood them, as texts. */
  decode: (parameter: ArrayParameter) => RawBuilder<{ texts: (string | null)[] }>;
  show: (value: T) => string;
};

const text = fc.string({ unit: "binary" }).filter((value) => value.isWellFormed() && !value.includes("\0"));
const same = <T>(value: T): T => value;
const hexDigits = fc.stringMatching(/^[0-9a-f]{32}$/);

test("texts come to PostgreSQL as they were, whatever letters they have", (t) =>
  assertUnderstood<string>(t, {
    ...{ values: text, encode: (rows) => textArray(rows, same), show: String },
    decode: (parameter) => sql`select ${parameter}::text[] as texts`,
  }));

test("whole numbers come to PostgreSQL as they were, up to the largest of its own", (t) =>
  assertUnderstood<number | bigint>(t, {
    values: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    ...{ encode: (rows) => bigintArray(rows, same), show: String },
    decode: (parameter) => sql`select ${parameter}::bigint[]::text[] as texts`,
  }));

test("small whole numbers, marks and ids come to PostgreSQL as they were", async (t) => {
  await assertUnderstood<number>(t, {
    ...{ values: fc.integer(), encode: (rows) => integerArray(rows, same), show: String },
    decode: (parameter) => sql`select ${parameter}::integer[]::text[] as texts`,
  });
  await assertUnderstood<boolean>(t, {
    ...{ values: fc.boolean(), encode: (rows) => booleanArray(rows, same), show: String },
    decode: (parameter) => sql`select ${parameter}::boolean[]::text[] as texts`,
  });
  await assertUnderstood<string>(t, {
    ...{ values: hexDigits, encode: (rows) => uuidArray(rows, same), show: (value) => value },
    decode: (parameter) => sql`
      select coalesce(array_agg(replace(u::text, '-', '') order by place), '{}') as texts
      from unnest(${parameter}::uuid[]) with ordinality as a(u, place)`,
  });
});

test("instants come to PostgreSQL to the microsecond, also those before 2000", (t) =>
  assertUnderstood<number>(t, {
    values: fc.integer({ min: -1_000_000_000_000_000, max: 4_000_000_000_000_000 }),
    ...{ encode: (rows) => instantArray(rows, same), show: String },
    decode: (parameter) => sql`
      select coalesce(array_agg(trunc(extract(epoch from i) * 1000000)::text order by place), '{}') as texts
      from unnest(${parameter}::timestamptz[]) with ordinality as a(i, place)`,
  }));

/** A column that is null throughout is empty. */
async function assertUnderstood<T>(
  t: Parameters<typeof testDatabase>[0],
  { values, encode, decode, show }: Column<T>,
): Promise<void> {
  const db: Db = (await testDatabase(t)).db;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(values), { maxLength: 20 }), async (rows) => {
      const parameter = encode(rows);

      const { rows: answers } = await decode(parameter).execute(db);

      const isEmpty = rows.every((row) => row === null);
      assert.deepEqual(answers[0]?.texts, isEmpty ? [] : rows.map((row) => (row === null ? null : show(row))));
    }),
    { numRuns: 50 },
  );
}
