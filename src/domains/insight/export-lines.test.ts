import assert from "node:assert/strict";
import { test } from "node:test";

import { parse } from "csv-parse/sync";
import fc from "fast-check";

import { formatHeader, formatLine } from "./export-lines.ts";

const columns = [
  { name: "agent_name", isText: true as const },
  { name: "tokens" },
  { name: "context", isText: true as const },
];
const text = fc.string({
  unit: fc.constantFrom('"', ",", "\r", "\n", "\t", " ", "=", "+", "-", "@", "'", "a", "é", "😀"),
});

test("whatever agents are called, a reader of RFC 4180 sees the same cells and no spreadsheet sees a formula", () => {
  fc.assert(
    fc.property(text, text, (agent, context) => {
      const csv = formatHeader(columns, "csv") + formatLine(columns, [agent, -5, context], "csv");
      const [head, row] = parse(csv, { record_delimiter: "\r\n" });
      assert.deepEqual(head, ["agent_name", "tokens", "context"]);
      const shown = [agent, context].map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell));
      assert.deepEqual(row, [shown[0], "-5", shown[1]]);
    }),
  );
});

test("a line of JSON has what the call says, exactly, and leaves out what it does not", () => {
  fc.assert(
    fc.property(text, (agent) => {
      const line = formatLine(columns, [agent, 5, null], "jsonl");
      assert.deepEqual(JSON.parse(line), { agent_name: agent, tokens: 5 });
      assert.equal(line.indexOf("\n"), line.length - 1);
    }),
  );
  assert.equal(formatHeader(columns, "jsonl"), "");
});
