import assert from "node:assert/strict";
import { test } from "node:test";

import { type HiddenLine, takeKeys } from "./prompt.ts";

function type(...pieces: string[]): HiddenLine {
  let line: HiddenLine = { text: "", state: "open" };
  for (const piece of pieces) line = takeKeys(line, piece);
  return line;
}

test("a hidden line ends with Enter, is corrected by hand and interrupted by Ctrl-C", () => {
  assert.deepEqual(type("s", "k", "-", "1", "\r"), { text: "sk-1", state: "done" });
  assert.deepEqual(type("sk-12\u007f3", "\r"), { text: "sk-13", state: "done" });
  assert.deepEqual(type("x😀\u007fy\n"), { text: "xy", state: "done" });
  assert.deepEqual(type("wrong\u0015right\r"), { text: "right", state: "done" });
  assert.deepEqual(type("a", "\u001b[A", "b", "\r"), { text: "ab", state: "done" });
  assert.deepEqual(type("secret\u0003"), { text: "", state: "interrupted" });
  assert.deepEqual(type("end\u0004"), { text: "end", state: "done" });
  assert.deepEqual(type("not yet"), { text: "not yet", state: "open" });
});

test("a text that is pasted with several lines is one answer", () => {
  assert.deepEqual(type("-----BEGIN KEY-----\rMIIE\r-----END KEY-----\r"), {
    text: "-----BEGIN KEY-----\nMIIE\n-----END KEY-----",
    state: "done",
  });
});
