import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { renderSchemaSnapshot, schemaSnapshotPath, tidyDump } from "./schema-snapshot.ts";

test("migrations/schema.sql is what the migrations make", async () => {
  const rendered = await renderSchemaSnapshot();

  assert.equal(await readFile(schemaSnapshotPath, "utf8"), rendered, "run npm run generate");
});

test("a snapshot does not depend on the version of pg_dump", () => {
  const older =
    "--\n-- PostgreSQL database dump\n--\n\nSET lock_timeout = 0;\n\nCREATE SCHEMA leveredge;\n\n\n--\n-- end\n--\n";
  const newer =
    "\\restrict x\n-- Dumped by 17\n\nSET transaction_timeout = 0;\nCREATE SCHEMA leveredge;\n\\unrestrict x\n";

  assert.equal(tidyDump(older), tidyDump(newer));
});
