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
