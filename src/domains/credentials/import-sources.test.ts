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
  assert.throws(
    () => readImport("[{hunter2", "prod"),
    (error: unknown) => {
      assert.ok(error instanceof Error && !("cause" in error));
      return !error.message.includes("hunter2") && /neither an export/.test(error.message);
    },
  );
  assert.deepEqual(readImport("", "prod"), { found: [], left: [] });
  assert.throws(() => readBundle("hunter2hunter2\n"), /^AppError: line 1 of the bundle is no credential of this form$/);
});

test("of an export of n8n each entry that cannot be read stays by itself, and is never quoted", () => {
  const entries = [
    null,
    { name: "hunter2", data: {} },
    { name: "Locked", type: "openAiApi", data: "U2FsdGVkX1hunter2" },
    { name: "Odd", type: "openAiApi", data: { apiKey: { hunter2: true } } },
    { name: "Good", type: "openAiApi", data: { apiKey: "sk-hunter2" } },
  ];

  const { found, left } = readImport(JSON.stringify(entries), "prod");

  assert.deepEqual(
    found.map(({ name, provider }) => [name, provider]),
    [["good", "openai"]],
  );
  assert.deepEqual(left, [
    { from: "entry 1", why: "it is no credential of n8n" },
    { from: "entry 2", why: "it is no credential of n8n" },
    { from: "openAiApi Locked", why: "it is not decrypted: n8n export:credentials --all --decrypted --output=FILE" },
    { from: "openAiApi Odd", why: "its apiKey is no text" },
  ]);
});
