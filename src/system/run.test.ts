import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { runProgram } from "./run.ts";

const timeoutMs = 20_000;

/** Takes nothing after its first chunk, and breaks off later; `breakOff` says how. */
function slowWritable(breakOff: (output: Writable, done: (error?: Error) => void) => void): Writable {
  const output = new Writable({
    write: (_chunk, _encoding, done) => void delay(200).then(() => breakOff(output, done)),
  });
  output.on("error", () => undefined);
  return output;
}

test("a program that has ended is not waited for when its output goes to a stream that breaks off with some of it unread", async () => {
  const ways: Parameters<typeof slowWritable>[0][] = [
    (_output, done) => done(new Error("no room")),
    (output) => output.destroy(),
  ];
  for (const way of ways) {
    const { exitCode, stdout } = await runProgram("head", ["-c", "180000", "/dev/zero"], {
      timeoutMs,
      outputTo: slowWritable(way),
    });

    assert.deepEqual([exitCode, stdout], [0, ""]);
  }
});

test("a program whose output's stream breaks off is ended", async () => {
  const endless = runProgram("yes", [], { timeoutMs, outputTo: slowWritable((_output, done) => done(new Error("x"))) });

  await assert.rejects(endless, { code: "upstream_failed", message: /yes was ended by SIG(KILL|PIPE)/ });
});
