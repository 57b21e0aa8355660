import assert from "node:assert/strict";
import { test } from "node:test";

import { describeProcess, isProcessGone } from "./process-identity.ts";

test("a process is gone only when that is certain", () => {
  const [place, pid, start] = describeProcess().split(":");
  const [host, boot, space] = (place ?? "").split("/");

  assert.equal(isProcessGone(describeProcess()), false, "alive");
  assert.equal(isProcessGone(`${host}/${boot}/${space}:${pid}:1`), true, "the number was given to another process");
  assert.equal(isProcessGone(`${host}/${boot}/${space}:4194305:${start}`), true, "no such process");
  assert.equal(isProcessGone(`${host}/00000000/${space}:${pid}:${start}`), true, "before the reboot");
  assert.equal(isProcessGone(`${host}/${boot}/1:4194305:${start}`), false, "in another container");
  assert.equal(isProcessGone(`elsewhere/${boot}/${space}:4194305:1`), false, "on another host");
  assert.equal(isProcessGone("nonsense"), false);
});
