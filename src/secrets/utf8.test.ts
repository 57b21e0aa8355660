import assert from "node:assert/strict";
import { test } from "node:test";

import { readUtf8 } from "./utf8.ts";

test("bytes that are no UTF-8 are refused by the name of what they are, and never repeated", () => {
  assert.equal(readUtf8(Buffer.from("schlüssel"), "env:KEY"), "schlüssel");
  assert.throws(
    () => readUtf8(Buffer.from("676f6f64fffe", "hex"), "file:/run/key"),
    (error: unknown) => {
      assert.ok(error instanceof Error);
      return error.message === "file:/run/key is no text in UTF-8" && !error.message.includes("good");
    },
  );
});
