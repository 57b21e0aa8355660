import assert from "node:assert/strict";
import { test } from "node:test";

import { AppError } from "#errors.ts";

import { createSlots } from "./slots.ts";

const { signal } = new AbortController();

test("no more than so many ask one host at a time, in the order in which they came", async () => {
  const slots = createSlots({ now: () => new Date(), atOnce: 2, perSecond: 100_000 });
  const began: number[] = [];
  let busy = 0;
  let most = 0;
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());

  const all = gates.map((gate, place) =>
    slots.take("a", signal, async () => {
      began.push(place);
      busy += 1;
      most = Math.max(most, busy);
      await gate.promise;
      busy -= 1;
    }),
  );
  const other = await slots.take("b", signal, () => Promise.resolve("not held up"));
  for (const gate of gates) gate.resolve();
  await Promise.all(all);

  assert.deepEqual([other, most, began], ["not held up", 2, [0, 1, 2, 3, 4, 5]]);
});

test("a host that failed five times in a row rests, longer each time, and one answer ends it", async () => {
  let now = 0;
  const slots = createSlots({ now: () => new Date(now), perSecond: 100_000 });
  const fail = () => slots.take("a", signal, () => Promise.reject(new AppError("upstream_failed", "down")));

  for (let round = 0; round < 5; round += 1) await assert.rejects(fail(), /down/);
  await assert.rejects(fail(), /not asked: the host failed 5 times in a row and rests for 30 s/);
  now = 30_001;
  await assert.rejects(fail(), /down/);
  await assert.rejects(fail(), /rests for 60 s/);
  now = 100_000;
  await slots.take("a", signal, () => Promise.resolve());
  await assert.rejects(fail(), /down/);
  await assert.rejects(fail(), /down/);
});

test("who gives up waiting leaves the queue and holds up nobody", async () => {
  const slots = createSlots({ now: () => new Date(), atOnce: 1, perSecond: 100_000 });
  const gate = Promise.withResolvers<void>();
  const impatient = new AbortController();

  const first = slots.take("a", signal, () => gate.promise);
  const second = slots.take("a", impatient.signal, () => Promise.resolve("never"));
  const third = slots.take("a", signal, () => Promise.resolve("after the first"));
  impatient.abort();
  await assert.rejects(second, { code: "upstream_timeout" });
  gate.resolve();
  await first;

  assert.equal(await third, "after the first");
});
