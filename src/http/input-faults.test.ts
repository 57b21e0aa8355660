import assert from "node:assert/strict";
import { test } from "node:test";

import { z } from "zod";

import { describeFaults, type RefusedInput } from "./input-faults.ts";

const page = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.uuid().optional(),
  since: z.iso.datetime().optional(),
  state: z.enum(["sent", "dead"]).optional(),
});
const thing = z.strictObject({
  name: z.string().min(1).max(20),
  size: z.number().positive().optional(),
  count: z.int().min(0).optional(),
  tags: z.array(z.string().max(3)).max(2).optional(),
  open: z.boolean().nullable().optional(),
  kind: z.string().regex(/^x/, { error: "expected a word with an x" }).optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

function faultsOf(schema: z.ZodType, value: unknown, part: RefusedInput["part"]): string {
  const parsed = schema.safeParse(value);
  assert.ok(!parsed.success, "the input was accepted");
  return describeFaults({ schema, value, part }, parsed.error.issues);
}

test("a query's value is told with what was expected instead of it", () => {
  const cases: [query: Record<string, unknown>, text: string][] = [
    [{ limit: "0" }, "limit is 0, expected a whole number from 1 to 500"],
    [{ limit: "abc" }, 'limit is "abc", expected a whole number from 1 to 500'],
    [{ limit: "" }, "limit is empty, expected a whole number from 1 to 500"],
    [{ limit: ["1", "x"] }, "limit is a list, expected a whole number from 1 to 500"],
    [{ before: "12" }, "before is 12, expected a UUID"],
    [{ since: "yesterday" }, 'since is "yesterday", expected an instant such as 2026-01-31T12:00:00Z'],
    [{ state: "gone" }, 'state is "gone", expected sent or dead'],
    [
      { limit: "9999", lmit: "1" },
      "limit is 9999, expected a whole number from 1 to 500; the query has a key that is not known: lmit; known here: limit, before, since, state",
    ],
  ];
  for (const [query, text] of cases) assert.equal(faultsOf(page, query, "query"), text);
});

test("a body's value is not repeated, and a missing one is called so", () => {
  const cases: [body: unknown, text: string][] = [
    [undefined, "the body is missing, expected an object"],
    [[], "the body: expected an object"],
    [{}, "name is missing, expected text of 1 to 20 characters"],
    [{ name: "a", size: -1 }, "size: expected a number above 0"],
    [{ name: "a", count: 1.5 }, "count: expected a whole number of at least 0"],
    [{ name: "a", tags: ["a", "long"] }, "tags.1: expected text of at most 3 characters"],
    [{ name: "a", tags: ["a", "b", "c"] }, "tags: expected a list of at most 2"],
    [{ name: "a", open: "yes" }, "open: expected true or false or null"],
    [{ name: "a", kind: "a" }, "kind: expected a word with an x"],
    [{ name: "a", labels: { a: 1 } }, "labels.a: expected text"],
  ];
  for (const [body, text] of cases) assert.equal(faultsOf(thing, body, "body"), text);
});

test("what may be a secret is not shown, as a value or as a key", () => {
  for (const secret of ["sk-live-9f8e7d6c5b4a", "gPHKWetEAtFPGUSUnuWhhbqcNeOEUUAN", "QHZKPWNVBTXLRMGD"]) {
    const texts = [faultsOf(page, { limit: secret, [secret]: "1" }, "query"), faultsOf(thing, { [secret]: 1 }, "body")];

    for (const text of texts) {
      assert.ok(!text.includes(secret), text);
      assert.match(text, /not known: \[not shown\]/);
    }
  }
});
