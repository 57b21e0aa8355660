import assert from "node:assert/strict";
import { test } from "node:test";

import { createSharedRead } from "./shared-read.ts";

test("who asks for the same at once shares a query, who asks later or for another gets a new one", async () => {
  const asked: string[] = [];
  let state = 1;
  const read = createSharedRead(async (key: string) => {
    asked.push(key);
    return { key, state };
  });

  const first = [read("a"), read("a"), read("b")];
  state = 2;
  assert.deepEqual(
    (await Promise.all(first)).map(({ key, state: seen }) => [key, seen]),
    [
      ["a", 2],
      ["a", 2],
      ["b", 2],
    ],
  );
  state = 3;
  assert.equal((await read("a")).state, 3);
  assert.deepEqual(asked, ["a", "b", "a"]);
});

test("a failure is told to all who share it and to nobody else", async () => {
  let isDown = true;
  const read = createSharedRead(async (_key: string) => {
    if (isDown) throw new Error("down");
    return "up";
  });

  const both = await Promise.allSettled([read("a"), read("a")]);
  isDown = false;

  assert.deepEqual(
    both.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(await read("a"), "up");
});
