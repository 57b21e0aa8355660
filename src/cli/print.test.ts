import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { createOutput } from "./print.ts";
import { makePrintable } from "./printable.ts";

function capture(global: { json: boolean; quiet: boolean }, isTTY = false) {
  const written = { stdout: "", stderr: "" };
  const output = createOutput(global, {
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text), isTTY },
  });
  return { output, written };
}

test("data goes to stdout and talk to stderr", () => {
  const { output, written } = capture({ json: false, quiet: false });

  output.say("working");
  output.data({ a: 1 }, "a is 1");

  assert.deepEqual(written, { stdout: "a is 1\n", stderr: "working\n" });
});

test("with --json the data is one document, and with --quiet nobody talks", () => {
  const { output, written } = capture({ json: true, quiet: true });

  output.say("working");
  output.data({ a: [1] }, "a is 1");

  assert.deepEqual(JSON.parse(written.stdout), { a: [1] });
  assert.equal(written.stderr, "");
});

test("progress is drawn on a terminal that nobody asked to be silent", () => {
  assert.equal(capture({ json: false, quiet: false }, true).output.live, true);
  assert.equal(capture({ json: false, quiet: false }, false).output.live, false);
  assert.equal(capture({ json: true, quiet: false }, true).output.live, false);
  assert.equal(capture({ json: false, quiet: true }, true).output.live, false);
});

test("names from other people's databases cannot drive the terminal", () => {
  assert.equal(makePrintable("a\u001b]0;owned\u0007b"), "a\\x1b]0;owned\\x07b");
  assert.equal(makePrintable("a\u001b[2Jb\u009bc\rd"), "a\\x1b[2Jb\\x9bc\\x0dd");
  assert.equal(makePrintable("x\u202ey"), "x\\u202ey");
  assert.equal(makePrintable("\u001b[31mred\u001b[39m\n\ttext"), "\u001b[31mred\u001b[39m\n\ttext");
});

test("whatever is printed holds no control character but line break, tab and colours", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = makePrintable(text).replaceAll(/\u001b\[[0-9;]{0,12}m/g, "");
      assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }),
  );
});
