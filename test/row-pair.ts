/** Two databases between which reference rows are copied, for tests. */
import type { TestContext } from "node:test";

import pg from "pg";

import type { ReferenceTable } from "#config/schema.ts";
import type { RowsGuard, RowsInput } from "#domains/databases/rows.ts";
import { Secret } from "#secrets/secret.ts";
import { freshDatabase, testCluster } from "#test/database.ts";

export type Side = { name: string; url: string; client: pg.Client };
export type Pair = { prod: Side; dev: Side };

const major = 15;

/** Two databases with the same schema; `prodRows` are prod's, `devRows` are dev's. */
export async function makePair(t: TestContext, schema: string, prodRows = "", devRows = ""): Promise<Pair> {
  const [prod, dev] = [await openSide(t), await openSide(t)];
  await prod.client.query(schema + prodRows);
  await dev.client.query(schema + devRows);
  return { prod, dev };
}

async function openSide(t: TestContext): Promise<Side> {
  const { name, url } = await freshDatabase(t, { major });
  const client = new pg.Client({ connectionString: url });
  // The database is dropped first.
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  return { name, url, client };
}

/** Wants these tables copied from prod to dev. */
export function rowsInput(
  pair: Pair,
  tables: (string | ReferenceTable)[],
  more: Partial<RowsInput> = {},
): RowsInput & { guard: RowsGuard } {
  return {
    from: { label: "prod", url: new Secret(pair.prod.url) },
    to: { label: "dev", url: new Secret(pair.dev.url) },
    tables: tables.map((table) => (typeof table === "string" ? entry(table) : table)),
    neverCopy: [],
    guard: () => Promise.resolve([]),
    signal: new AbortController().signal,
    ...more,
  };
}

/** A table as leveredge.yaml lists it. */
export function entry(table: string, more: Partial<ReferenceTable> = {}): ReferenceTable {
  return { table, omit: [], delete: false, ...more };
}

/** Rows as arrays. */
export async function rowsOf(side: Side, query: string): Promise<unknown[][]> {
  return (await side.client.query({ text: query, rowMode: "array" })).rows;
}

/** A role of the cluster that may log in to both databases, dropped after them. */
export async function makeRole(
  t: TestContext,
  pair: Pair,
  attributes = "",
): Promise<{ role: string; as: (side: Side) => Secret }> {
  const cluster = await testCluster({ major });
  const role = `role_${pair.prod.name}`;
  await pair.prod.client.query(`create role ${role} login password 'odd:p@ss/?#%' ${attributes}`);
  t.after(async () => {
    const admin = new pg.Client({ connectionString: cluster.url() });
    await admin.connect();
    await admin.query(`drop role ${role}`);
    await admin.end();
  });
  const as = ({ url }: Side): Secret => {
    const address = new URL(url);
    address.username = role;
    address.password = encodeURIComponent("odd:p@ss/?#%");
    return new Secret(address.href);
  };
  return { role, as };
}
