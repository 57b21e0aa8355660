import assert from "node:assert/strict";
import { test } from "node:test";

import { readInstant } from "./instant.ts";

const now = new Date("2026-11-23T07:00:00Z");
const read = (text: string, timezone = "America/Los_Angeles"): string => readInstant(text, { timezone, now });

test("a time with an offset is that instant, one without is the platform's", () => {
  const cases = {
    "2026-03-01T12:00:00Z": "2026-03-01T12:00:00.000Z",
    "2026-03-01 12:00:00.123456+00": "2026-03-01T12:00:00.123456Z",
    "2026-03-01T12:00:00.5+0530": "2026-03-01T06:30:00.500Z",
    "2026-03-01T12:00:00": "2026-03-01T20:00:00.000Z",
    "2026-07-01T12:00": "2026-07-01T19:00:00.000Z",
  };

  assert.deepEqual(
    Object.keys(cases).map((text) => read(text)),
    Object.values(cases),
  );
});

test("an hour that there is twice is the second, one that there is not goes on after the change", () => {
  const places = ["2026-11-01T01:30:00", "2026-03-08T02:30:00"].map((text) => read(text));

  assert.deepEqual(places, ["2026-11-01T09:30:00.000Z", "2026-03-08T10:30:00.000Z"]);
});

test("a clock that says now in UTC without saying so is understood, an older time is the platform's", () => {
  const east = "Asia/Tokyo";

  assert.equal(read("2026-11-23T06:59:58.123456", east), "2026-11-23T06:59:58.123456Z");
  assert.equal(read("2026-11-23T16:00:00", east), "2026-11-23T07:00:00.000Z");
  assert.equal(read("2026-11-23T06:00:00", east), "2026-11-22T21:00:00.000Z");
});

test("what is no time is refused", () => {
  for (const text of [
    "",
    "yesterday",
    "2026-02-30T00:00:00Z",
    "2026-01-01",
    "2026-01-01T25:00:00Z",
    "1".repeat(1000),
  ]) {
    assert.throws(() => read(text), { code: "invalid_input", message: /is no time such as/ }, text);
  }
});
