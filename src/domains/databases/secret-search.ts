/**
 * Finds columns of reference tables that hold secrets. Every row is read: its
 * bytes stream by and are searched for marks; only when one is seen the server is
 * asked, value by value, what it was.
 */
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type pg from "pg";
import { type CopyToStreamQuery, to as copyTo } from "pg-copy-streams";

import { searchMarks } from "./mark-search.ts";
import { omitLine } from "./reference-table-rules.ts";
import type { CopyTable, RowsRefusal } from "./reference-tables.ts";
import { copyRowsOut, copySearchedOut, findSecretColumns } from "./rows-queries.ts";
import { secretMarks } from "./secret-shapes.ts";

/** The copied rows as a stream, and the answer to what it held, to be asked for after its end. */
export function readRows(
  source: pg.Client,
  table: CopyTable,
): { rows: CopyToStreamQuery; refuseSecrets: () => Promise<RowsRefusal[]> } {
  return watch(source, table, copyRowsOut(table));
}

/** The same answer without a copy: the columns that are searched stream by and are dropped. */
export async function refuseSecretValues(source: pg.Client, table: CopyTable): Promise<RowsRefusal[]> {
  if (table.searched.length === 0) return [];
  const { rows, refuseSecrets } = watch(source, table, copySearchedOut(table));
  await pipeline(rows, new Writable({ write: (_chunk, _encoding, done) => done() }));
  return refuseSecrets();
}

function watch(source: pg.Client, table: CopyTable, query: string): ReturnType<typeof readRows> {
  const search = searchMarks(secretMarks);
  // Bytes travel as hexadecimal digits, in which no mark can be seen.
  const hasBytes = table.searched.some(({ type }) => type === "bytea");
  const rows = source.query(copyTo(query));
  rows.on("data", (chunk: Buffer) => search.read(chunk));
  const refuseSecrets = async (): Promise<RowsRefusal[]> => {
    const columns = search.isFound() || hasBytes ? await findSecretColumns(source, table) : [];
    return columns.map((column) => ({
      table: table.label,
      kind: "rule",
      reason: `column ${column} holds a value that looks like a secret`,
      remedy: `add ${omitLine([...table.omitted, ...columns])}`,
    }));
  };
  return { rows, refuseSecrets };
}
