import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { programRoot, resolveStateDirectory } from "./state-directory.ts";

test("the state directory is the flag's, then the variable's, then the checkout's", () => {
  delete process.env["LEVEREDGE_STATE"];
  assert.equal(resolveStateDirectory(undefined), join(programRoot, ".leveredge"));

  process.env["LEVEREDGE_STATE"] = "/srv/state";
  assert.equal(resolveStateDirectory(undefined), "/srv/state");
  assert.equal(resolveStateDirectory("here"), join(process.cwd(), "here"));
});

test("a state directory that is something else, or lies in it, is refused by the name that it was given with", () => {
  const refused = (message: RegExp) => ({ code: "invalid_input", message });

  assert.throws(
    () => resolveStateDirectory("/dev/null"),
    refused(/^--state is \/dev\/null, which is not a directory$/),
  );
  assert.throws(
    () => resolveStateDirectory("/dev/null/state"),
    refused(/^--state is \/dev\/null\/state, which is not/),
  );
  assert.throws(() => resolveStateDirectory(""), refused(/^--state is empty$/));
  process.env["LEVEREDGE_STATE"] = "/dev/null";
  assert.throws(() => resolveStateDirectory(undefined), refused(/^LEVEREDGE_STATE is \/dev\/null/));
  assert.equal(resolveStateDirectory("/nonexistent/state"), "/nonexistent/state");
});
