import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { searchMarks } from "./mark-search.ts";

const mark = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 });

test("a mark is found exactly when one of the chunks' joined text includes it", () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c", "ü"), maxLength: 6 }), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(mark, { minLength: 1, maxLength: 5 }), text, (marks, chunks) => {
      const search = searchMarks(marks);

      for (const chunk of chunks) search.read(Buffer.from(chunk));

      assert.equal(
        search.isFound(),
        marks.some((one) => chunks.join("").includes(one)),
      );
    }),
  );
});
