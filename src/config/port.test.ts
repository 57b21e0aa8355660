import assert from "node:assert/strict";
import { test } from "node:test";

import { readPort } from "./port.ts";

test("a port is decimal digits from the least that is allowed to 65535", () => {
  assert.deepEqual(
    [undefined, "0", "8021", "65535"].map((text) => readPort(text, { least: 0 })),
    [undefined, 0, 8021, 65_535],
  );
  for (const text of ["0x10", "1e3", " 80", "80.0", "+80", "-1", "65536", "", "１２"]) {
    assert.throws(() => readPort(text, { least: 0 }), { code: "invalid_input", message: /--port is/ }, text);
  }
  assert.throws(() => readPort("0", { least: 1 }), { message: '--port is "0", expected a port: 1 to 65535' });
});
