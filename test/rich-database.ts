/** A database with one of everything, its copies, and the list of small changes to it. */
import { readFile } from "node:fs/promises";
import { after, type TestContext } from "node:test";

import pg from "pg";

import { type Catalog, readCatalog } from "#domains/databases/catalog.ts";
import { createDatabase, dropDatabase, freshDatabase, type Major, testCluster } from "#test/database.ts";

export type Mutation = {
  /** One of the differences it must cause, as `describeDifference` words it. */
  found: string;
  sql: string;
};

const scope = { excludeTables: [{ schema: "public", name: "schema_migrations" }] };
const templates = new Map<Major, Promise<string>>();

after(async () => {
  for (const [major, template] of templates) await dropDatabase(await testCluster({ major }), await template);
});

/** A copy of rich-database.sql of the test's own, with an open session. */
export async function openRichDatabase(t: TestContext, major: Major): Promise<{ url: string; client: pg.Client }> {
  const template = templates.get(major) ?? createTemplate(major);
  templates.set(major, template);
  const { url } = await freshDatabase(t, { major, template: await template });
  return { url, client: await openSession(t, url) };
}

/** Ends with the test. */
export async function openSession(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  // The database may be dropped before its session is ended.
  client.on("error", () => undefined);
  return client;
}

export function readRichCatalog(client: pg.Client): Promise<Catalog> {
  return readCatalog(client, scope);
}

/** The paragraphs of catalog-mutations.sql. */
export async function readMutations(): Promise<Mutation[]> {
  const text = await readFile(new URL("catalog-mutations.sql", import.meta.url), "utf8");
  const [, ...paragraphs] = text.split("\n\n");
  return paragraphs.map((paragraph) => {
    const end = paragraph.indexOf("\n");
    return { found: paragraph.slice("-- ".length, end).replaceAll("\\n", "\n"), sql: paragraph.slice(end) };
  });
}

async function createTemplate(major: Major): Promise<string> {
  const cluster = await testCluster({ major });
  const name = `rich_${process.pid}_${major}`;
  await createDatabase(cluster, name, "template0");
  const client = new pg.Client({ connectionString: cluster.url(name) });
  await client.connect();
  await client.query(await readFile(new URL("rich-database.sql", import.meta.url), "utf8"));
  await client.end();
  return name;
}
