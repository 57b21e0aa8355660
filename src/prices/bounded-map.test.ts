import assert from "node:assert/strict";
import { test } from "node:test";

import { createBoundedMap } from "./bounded-map.ts";

test("the entry that was set first is forgotten first, and one that is set again pushes nothing out", () => {
  const map = createBoundedMap<number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("b", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.size()], [1, 3, 2]);

  map.set("c", 4);

  assert.deepEqual([map.get("a"), map.get("b"), map.get("c"), map.size()], [undefined, 3, 4, 2]);
});
