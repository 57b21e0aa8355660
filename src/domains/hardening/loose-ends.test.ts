import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { AppError } from "#errors.ts";

import { beginMarker, endMarker, gatherLooseEnds, renderLooseEnds } from "./loose-ends.ts";
import type { LooseEnd } from "./schema.ts";

const full: LooseEnd = { id: "check:disk", severity: "high", text: "disk: is full", remedy: "make room" };
const looseEnd = fc.record({
  id: fc.string({ minLength: 1 }),
  severity: fc.constantFrom("high", "medium", "low"),
  text: fc.oneof(fc.string(), fc.constantFrom(beginMarker, endMarker, "a\nb")),
  remedy: fc.string(),
});
/** Bytes without markers of ours, in any encoding. */
const theirs = fc.uint8Array().map((bytes) => Buffer.from(bytes));

test("a remedy that is a command is set as one", () => {
  const text = renderLooseEnds(undefined, [{ ...full, remedy: "leveredge doctor" }]).toString();

  assert.match(text, /Remedy: `leveredge doctor` \(check:disk\)/);
});

test("a new file has a title and each loose end with its remedy", () => {
  const file = renderLooseEnds(undefined, [full]).toString();

  assert.equal(
    file,
    `# Loose ends\n\n${beginMarker}\n## high\n\n- disk: is full\n  Remedy: make room (check:disk)\n${endMarker}\n`,
  );
});

test("what people wrote stays byte for byte, whatever its encoding, and rendering again changes nothing", () => {
  fc.assert(
    fc.property(theirs, theirs, fc.array(looseEnd), fc.array(looseEnd), (before, after, first, second) => {
      const own = Buffer.concat([before, Buffer.from(`${beginMarker}\nold\n${endMarker}`), after]);

      const once = renderLooseEnds(own, first);
      const twice = renderLooseEnds(once, second);

      assert.deepEqual(once.subarray(0, before.length), before);
      assert.deepEqual(once.subarray(once.length - after.length), after);
      assert.deepEqual(twice, renderLooseEnds(own, second));
      assert.deepEqual(renderLooseEnds(twice, second), twice);
    }),
  );
});

test("a file without markers gets the block at its end", () => {
  fc.assert(
    fc.property(theirs, fc.array(looseEnd), (existing, ends) => {
      const once = renderLooseEnds(existing, ends);

      assert.deepEqual(once.subarray(0, existing.length), existing);
      assert.deepEqual(renderLooseEnds(once, ends), once);
    }),
  );
});

test("markers that do not form one block are refused", () => {
  const broken = [
    beginMarker,
    endMarker,
    `${endMarker} ${beginMarker}`,
    `${beginMarker} ${endMarker} ${beginMarker}`,
    `${beginMarker} ${endMarker} ${endMarker}`,
  ];
  for (const text of broken) {
    assert.throws(
      () => renderLooseEnds(Buffer.from(text), []),
      (error) => error instanceof AppError && error.code === "conflict",
      text,
    );
  }
});

test("loose ends come most severe first, then by id, one for each id, in whatever order they are found", () => {
  fc.assert(
    fc.property(fc.array(looseEnd), (ends) => {
      const gathered = gatherLooseEnds([], [], ends);

      assert.deepEqual(gatherLooseEnds([], [], ends.toReversed()), gathered);
      assert.deepEqual(new Set(gathered.map(({ id }) => id)), new Set(ends.map(({ id }) => id)));
      assert.equal(new Set(gathered.map(({ id }) => id)).size, gathered.length);
    }),
  );
});
