import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { orderByReferences } from "./foreign-key-order.ts";

const table = fc.constantFrom("a", "b", "c", "d", "e", "f");

test("tables stand after those they refer to, and only those of a circle are circular", () => {
  fc.assert(
    fc.property(fc.uniqueArray(table), fc.array(fc.record({ from: table, to: table })), (tables, references) => {
      const inside = references.filter(({ from, to }) => tables.includes(from) && tables.includes(to));

      const { ordered, circular } = orderByReferences(tables, inside);

      assert.deepEqual(ordered.toSorted(), tables.toSorted());
      for (const { from, to } of inside) {
        const isFree = !circular.includes(from) || !circular.includes(to);
        if (from !== to && isFree)
          assert.ok(ordered.indexOf(to) < ordered.indexOf(from), `${from} stands before ${to}`);
      }
    }),
  );
});

test("a table that refers to itself, to a circle, or is referred to by one is not circular", () => {
  const references = [
    { from: "self", to: "self" },
    { from: "one", to: "two" },
    { from: "two", to: "one" },
    { from: "after", to: "one" },
    { from: "two", to: "before" },
  ];

  const order = orderByReferences(["self", "after", "one", "two", "before"], references);

  assert.deepEqual(order, { ordered: ["self", "before", "one", "two", "after"], circular: ["one", "two"] });
});
