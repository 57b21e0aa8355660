import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { parseTableName } from "./table-name.ts";

test("table names are read as SQL reads them", () => {
  assert.deepEqual(parseTableName("agents"), { schema: "public", name: "agents" });
  assert.deepEqual(parseTableName("app.agents$1"), { schema: "app", name: "agents$1" });
  assert.deepEqual(parseTableName('"My ""App"."a.b\nc"'), { schema: 'My "App', name: "a.b\nc" });
  for (const text of ["", "A", "a.b.c", "a b", '"', '""', 'a."', "a.", "1a", `a${"x".repeat(63)}`, '"a\0"']) {
    assert.equal(parseTableName(text), undefined, text);
  }
});

test("every pair of names survives being quoted", () => {
  const name = fc.string({ minLength: 1, maxLength: 15 }).filter((text) => !text.includes("\0"));
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(name, name, (schema, table) => {
      assert.deepEqual(parseTableName(`${quote(schema)}.${quote(table)}`), { schema, name: table });
    }),
  );
});
