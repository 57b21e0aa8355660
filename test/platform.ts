/** A platform of two databases, each filled from a piece of SQL, and an app that is configured for them. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

import pg from "pg";

import type { App } from "#app.ts";

import { testApp } from "./app.ts";
import { freshDatabase } from "./database.ts";

const markDev = `do $$ begin
  if to_regclass('public.schema_migrations') is null then
    create table public.schema_migrations
      (id serial primary key, migration_name text not null, applied_at timestamp default now(), applied_by text, checksum text);
    comment on table public.schema_migrations is 'leveredge environment: dev';
  end if;
end $$`;

export type TestPlatform = { app: App; dev: pg.Client; prod: pg.Client };

/**
 * `settings` are parts of leveredge.yaml besides `environments`, which name the two
 * databases. Dev is marked as dev, as an operator has to say once; `isMarked: false` leaves that out.
 */
export async function testPlatform(
  t: TestContext,
  content: { prod: string; dev: string; isMarked?: boolean },
  settings: Record<string, unknown> = {},
): Promise<TestPlatform> {
  const sides = { dev: await filled(t, content.dev), prod: await filled(t, content.prod) };
  if (content.dev !== "" && content.isMarked !== false) await sides.dev.client.query(markDev);
  const environments = { dev: { database: "file:dev.url" }, prod: { database: "file:prod.url" } };
  const app = await testApp(t, { environments, ...settings });
  for (const name of ["dev", "prod"] as const) {
    await writeFile(join(dirname(app.configPath), `${name}.url`), sides[name].url, { mode: 0o600 });
  }
  return { app, dev: sides.dev.client, prod: sides.prod.client };
}

async function filled(t: TestContext, sql: string): Promise<{ url: string; client: pg.Client }> {
  const { url } = await freshDatabase(t, { major: 15 });
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  if (sql !== "") await client.query(sql);
  return { url, client };
}
