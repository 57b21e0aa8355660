import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { countBytes, countUnits, splitText } from "./split-text.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc
    .array(fc.constantFrom("word ", "line\n", "paragraph\n\n", "🔧", "é", "x".repeat(30)), { maxLength: 60 })
    .map((parts) => parts.join("")),
);

test("joined, the parts are the text, none is longer than the limit, and no character is cut", () => {
  fc.assert(
    fc.property(
      anyText,
      fc.integer({ min: 4, max: 100 }),
      fc.constantFrom(countUnits, countBytes),
      (text, limit, measure) => {
        const whole = text.toWellFormed();

        const parts = splitText(whole, limit, measure);

        assert.equal(parts.join(""), whole);
        assert.ok(parts.every((part) => measure(part) <= limit && part.isWellFormed()));
        assert.ok(parts.length === 1 || parts.every((part) => part !== ""));
      },
    ),
  );
});

test("a text that fits is one part, also an empty one", () => {
  assert.deepEqual(splitText("", 10), [""]);
  assert.deepEqual(splitText("0123456789", 10), ["0123456789"]);
});

test("a cut is made between paragraphs, else lines, else words", () => {
  assert.deepEqual(splitText("one two\n\nthree four", 14), ["one two\n\n", "three four"]);
  assert.deepEqual(splitText("one two\nthree four", 14), ["one two\n", "three four"]);
  assert.deepEqual(splitText("one two three four", 14), ["one two three ", "four"]);
});
