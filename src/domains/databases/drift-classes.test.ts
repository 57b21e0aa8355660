import assert from "node:assert/strict";
import { test } from "node:test";

import type { CatalogDifference } from "./catalog-comparison.ts";
import { classify } from "./drift-classes.ts";

const rows: [string, CatalogDifference["change"], string[], string][] = [
  ["column", "missing", [], "column missing"],
  ["table", "extra", [], "table extra"],
  ["index", "different", ["valid"], "index invalid"],
  ["index", "different", ["index"], "index definition differs"],
  ["grant", "different", ["privileges"], "grant differs"],
  ["constraint", "different", ["validated", "constraint"], "constraint not validated"],
  ["constraint", "different", ["constraint"], "constraint differs"],
  ["column", "different", ["type"], "column type differs"],
  ["column", "different", ["storage", "compression"], "column storage differs"],
  ["column", "different", ["type", "default"], "column default differs"],
  ["table", "different", ["toastOptions"], "table toast options differ"],
  ["sequence", "different", ["type", "maximum"], "sequence type differs"],
  ["sequence", "different", ["maximum"], "sequence maximum differs"],
  ["function", "different", ["body", "cost"], "function differs"],
  ["function", "different", ["body"], "function body differs"],
  ["comment", "different", ["comment"], "comment differs"],
];

for (const [kind, change, attributes, expected] of rows) {
  test(`${[kind, change, ...attributes].join(" ")} is of class "${expected}"`, () => {
    assert.equal(classify({ kind, identity: "a", change, attributes }), expected);
  });
}
