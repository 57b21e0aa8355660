import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeRestore, type RestoreOutcome } from "./drill-verdict.ts";
import { readFailures } from "./restore-failures.ts";

const good: RestoreOutcome = {
  failures: [],
  missingExtensions: [],
  roles: [],
  leftOut: [],
  mismatches: [],
  isSameMajor: true,
  tables: 2,
  rows: 10,
  format: "custom",
  compression: "gzip",
};
const host = { kind: "host", text: "must be superuser to create a base type" } as const;
const statement = { kind: "statement", text: "duplicate key" } as const;
const fewer = "public.a: 3 rows instead of 4";
const changed = "public.a: the content of its 4 rows differs";

const cases: [name: string, outcome: Partial<RestoreOutcome>, verdict: string, assurance?: string][] = [
  ["everything agrees", {}, "verified", "content"],
  ["no manifest", { mismatches: undefined }, "verified", "restored"],
  ["no manifest, made-up roles", { mismatches: undefined, roles: ["app"] }, "verified", "stubs"],
  ["made-up roles, rows agree", { roles: ["app"] }, "verified", "content"],
  ["an extension is missing, rows agree", { missingExtensions: ["pg_cron"] }, "verified", "stubs"],
  ["an extension is missing, nothing failed", { missingExtensions: ["x"], mismatches: undefined }, "verified", "stubs"],
  ["an extension is missing, a table too", { missingExtensions: ["x"], mismatches: [fewer] }, "unverifiable"],
  ["an extension is missing, rows changed", { missingExtensions: ["x"], mismatches: [fewer, changed] }, "damaged"],
  ["a superuser is missing, no manifest", { failures: [host, statement], mismatches: undefined }, "unverifiable"],
  ["a superuser is missing, rows agree", { failures: [host, statement] }, "verified", "stubs"],
  [
    "a privilege failed, no manifest",
    { failures: [{ ...host, kind: "minor" }], mismatches: undefined },
    "verified",
    "stubs",
  ],
  ["rows are missing", { mismatches: [fewer] }, "damaged"],
  ["a statement is refused", { failures: [statement] }, "damaged"],
  ["a newer server refuses a statement", { failures: [statement], isSameMajor: false }, "unverifiable"],
  ["the file ends", { failures: [{ kind: "archive", text: "end of file" }, host] }, "damaged"],
  [
    "the disk is full",
    { failures: [{ kind: "disk", text: "no space" }, statement], mismatches: [changed] },
    "unverifiable",
  ],
];

test("damage is what the file says, doubt is what this host lacks", () => {
  for (const [name, outcome, verdict, assurance] of cases) {
    const judged = judgeRestore({ ...good, ...outcome });

    assert.deepEqual([judged.verdict, judged.assurance], [verdict, assurance ?? null], name);
  }
});

test("what pg_restore and psql complain about is sorted by whom it accuses", () => {
  const ofPgRestore = `pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 215; 1259 16390 TABLE a app
pg_restore: error: could not execute query: ERROR:  type "vector" does not exist
Command was: CREATE TABLE secret
pg_restore: from TOC entry 3400; 0 0 ACL - TABLE a app
pg_restore: error: could not execute query: ERROR:  permission denied for schema x
pg_restore: error: COPY failed for table "a": ERROR:  invalid input syntax for type integer: "secret"
CONTEXT:  COPY a, line 1: "secret"
pg_restore: error: could not read from input file: end of file
pg_restore: warning: errors ignored on restore: 3`;
  const ofPsql = `psql:<stdin>:12: NOTICE:  table does not exist
psql:<stdin>:13: ERROR:  could not extend file "base/5/1": No space left on device
psql:<stdin>:14: ERROR:  must be superuser to create a base type`;

  const failures = [...readFailures(ofPgRestore), ...readFailures(ofPsql)];

  assert.deepEqual(
    failures.map(({ kind }) => kind),
    ["statement", "minor", "statement", "archive", "disk", "host"],
  );
  assert.doesNotMatch(JSON.stringify(failures), /secret/);
});
