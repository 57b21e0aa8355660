import assert from "node:assert/strict";
import { test } from "node:test";

import { createPaint } from "./paint.ts";
import { formatTable } from "./table.ts";

test("columns are as wide as their widest cell, colours and accents not counted", () => {
  const paint = createPaint({ color: true });

  const table = formatTable(
    ["STATE", "NAME"],
    [
      [paint.good("ok"), "e\u0301t\u00e9"],
      ["failed", "b"],
    ],
  );

  assert.equal(table, `STATE   NAME\n${paint.good("ok")}      e\u0301t\u00e9\nfailed  b`);
});

test("a line break in a cell is shown and a missing cell is empty", () => {
  assert.equal(formatTable(["A", "B", "C"], [["x\ny", "z"]]), "A     B  C\nx\\ny  z");
});

test("somebody else's colour in a cell is shown, and counted as what is shown", () => {
  assert.equal(
    formatTable(
      ["A", "B"],
      [
        ["\u001b[31mx", "y"],
        ["z", ""],
      ],
    ),
    "A          B\n\\x1b[31mx  y\nz",
  );
});

test("without colour paint gives its text back", () => {
  assert.equal(createPaint({ color: false }).bad("x"), "x");
});
