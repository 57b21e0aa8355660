import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { createPaint } from "./paint.ts";
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
  assert.equal(makePrintable("\u001b[31mred\u001b[39m\n\ttext"), "\\x1b[31mred\\x1b[39m\n\ttext");
  assert.equal(makePrintable("a\u001b[8;0000;0000;0000mb"), "a\\x1b[8;0000;0000;0000mb");
});

test("of all colours only our own painting reaches the terminal, also around somebody else's", () => {
  const paint = createPaint({ color: true });

  assert.equal(makePrintable(paint.bad("a\u001b[32mb\n")), "\u001b[31ma\\x1b[32mb\n\u001b[39m");
  assert.equal(makePrintable(paint.strong(paint.good("x"))), "\u001b[1m\u001b[32mx\u001b[39m\u001b[22m");
});

test("whatever is printed holds no control character but line break and tab", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(makePrintable(text), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }),
  );
});
