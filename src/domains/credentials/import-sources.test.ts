import assert from "node:assert/strict";
import { test } from "node:test";

import { allProviders } from "#providers/all.ts";

import { knownN8nTypes, knownVariables } from "./known-variables.ts";
import { readBundle, readImport } from "./import-sources.ts";

test("every name that is known leads to a field that its provider has", () => {
  const has = (provider: string, field: string): boolean =>
    allProviders.some(({ name, fields }) => name === provider && Object.hasOwn(fields, field));
  const lost = [
    ...Object.entries(knownVariables).filter(([, { provider, field }]) => !has(provider, field)),
    ...Object.entries(knownN8nTypes).filter(
      ([, { provider, fields }]) => !Object.values(fields).every((field) => has(provider, field)),
    ),
  ];

  assert.deepEqual(lost, []);
});

test("a file that is nothing of the kind is refused or found empty, and never quoted", () => {
  for (const text of ["[{]", "[1]", '[{"name":"hunter2","data":{}}]']) {
    assert.throws(
      () => readImport(text, "prod"),
      (error: unknown) => {
        assert.ok(error instanceof Error && !("cause" in error));
        return !error.message.includes("hunter2") && /neither an export/.test(error.message);
      },
    );
  }
  assert.deepEqual(readImport("", "prod"), { found: [], left: [] });
  assert.throws(() => readBundle("hunter2hunter2\n"), /^AppError: line 1 of the bundle is no credential of this form$/);
});
