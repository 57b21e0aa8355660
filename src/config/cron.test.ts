import assert from "node:assert/strict";
import { test } from "node:test";

import { isCron } from "./cron.ts";

test("cron lines have five fields within their ranges", () => {
  for (const text of ["0 3 * * *", "*/5 0-23/2 1,15 jan-mar mon-fri", "59 23 31 12 7", "0 0 * * sun"]) {
    assert.ok(isCron(text), text);
  }
  for (const text of [
    "",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
  ]) {
    assert.ok(!isCron(text), text);
  }
  for (const text of [
    "5/2 * * * *",
    "*/0 * * * *",
    "3-1 * * * *",
    "a * * * *",
    "1, * * * *",
    "mon * * * *",
    "@daily",
  ]) {
    assert.ok(!isCron(text), text);
  }
});
