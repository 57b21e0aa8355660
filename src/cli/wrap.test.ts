import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { wrapText } from "./wrap.ts";

test("a text is broken between words and a long word stays whole", () => {
  assert.deepEqual(wrapText("leveredge harden --section 1", 12), ["leveredge", "harden", "--section 1"]);
  assert.deepEqual(wrapText("a\n /opt/leveredge/shared b", 5), ["a", "/opt/leveredge/shared", "b"]);
  assert.deepEqual(wrapText("  ", 5), []);
});

test("whatever the width, the words are the same and only a single word is longer than a line", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, width) => {
      const lines = wrapText(text, width);
      assert.deepEqual(lines.join(" ").split(/\s+/), text.trim().split(/\s+/));
      assert.ok(lines.every((line) => line.length <= width || !line.includes(" ")));
    }),
  );
});
