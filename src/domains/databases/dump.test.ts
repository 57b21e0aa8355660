import assert from "node:assert/strict";
import { test } from "node:test";

import { splitDump } from "./dump.ts";

const end = "\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n";
const entry = (name: string, type: string, sql: string): string =>
  `--\n-- Name: ${name}; Type: ${type}; Schema: public; Owner: me\n--\n\n${sql}\n\n\n`;

test("a dump is cut into its entries, without what stands before and after them", () => {
  const text = `\\restrict abc\nSET x = 1;\n\n${entry("t", "TABLE", "CREATE TABLE public.t ();")}${entry("v", "VIEW", "CREATE VIEW public.v AS\n SELECT 1;")}${end}`;

  assert.deepEqual(splitDump(text), [
    { type: "TABLE", object: "public.t", sql: "CREATE TABLE public.t ();" },
    { type: "VIEW", object: "public.v", sql: "CREATE VIEW public.v AS\n SELECT 1;" },
  ]);
});

test("what holds passwords is taken out", () => {
  const text = `${entry("USER MAPPING u SERVER s", "USER MAPPING", "CREATE USER MAPPING")}${entry("s", "SUBSCRIPTION", "CREATE SUBSCRIPTION")}${end}`;

  assert.deepEqual(splitDump(text), []);
});

test("a dump without its last line is refused", () => {
  assert.throws(() => splitDump(entry("t", "TABLE", "CREATE TABLE public.t ();")), { code: "upstream_failed" });
});
