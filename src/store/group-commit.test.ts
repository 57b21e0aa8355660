import assert from "node:assert/strict";
import { test } from "node:test";

import { createGroupCommit } from "./group-commit.ts";

test("who comes while a group is under way goes into the next one, and each hears of its own", async () => {
  const groups: number[][] = [];
  const gate = Promise.withResolvers<void>();
  const double = createGroupCommit(
    async (items: readonly number[]) => {
      groups.push([...items]);
      await gate.promise;
      return items.map((item) => item * 2);
    },
    { mostAtOnce: 3 },
  );

  const first = [double(1), double(2)];
  while (groups.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const later = [double(3), double(4), double(5), double(6)];
  gate.resolve();

  assert.deepEqual(await Promise.all([...first, ...later]), [2, 4, 6, 8, 10, 12]);
  assert.deepEqual(groups, [[1, 2], [3, 4, 5], [6]]);
  assert.equal(await double(7), 14, "after a rest it goes on");
});

test("of a group that fails each is tried alone, and only what is bad is refused", async () => {
  const work = createGroupCommit(
    (items: readonly string[]) =>
      items.includes("bad") ? Promise.reject(new Error("bad is refused")) : Promise.resolve([...items]),
    { mostAtOnce: 10 },
  );

  const told = await Promise.allSettled(["a", "bad", "b"].map(work));

  assert.deepEqual(
    told.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
});

test("an answer too few is a bug that nobody takes for an answer", async () => {
  const work = createGroupCommit((_items: readonly string[]) => Promise.resolve<string[]>([]), { mostAtOnce: 10 });

  await assert.rejects(work("a"), /a group of 1 was given 0 answers/);
});
