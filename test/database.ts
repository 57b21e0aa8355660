/**
 * Databases for tests. One cluster per major version is shared by all test
 * processes of a user: the first starts it, the others adopt it, `scripts/test.ts`
 * stops it. Each test has databases of its own, dropped when it ends.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import pg from "pg";

import { Secret } from "#secrets/secret.ts";
import { openDatabase } from "#store/database.ts";
import { readMigrationFiles } from "#store/migrator.ts";
import { migrationsDirectory } from "#store/schema.ts";
import { type Server, type ServerAddress, startServer, stopServer, withDatabase } from "#store/server.ts";
import { openPool } from "#store/session.ts";
import { migrateStore } from "#store/store.ts";

export type Major = 15 | 18;

export type TestCluster = {
  major: Major;
  server: Server;
  /** Superuser URL of one of its databases; default `postgres`. */
  url(database?: string): string;
};

export type FreshDatabase = { name: string; url: string };

export type TestDatabase = {
  /** As the application role. */
  db: ReturnType<typeof openDatabase>;
  /** As the owner of the schema. */
  ownerUrl: Secret;
};

/** Of this user and this checkout: the tests of two checkouts do not meet. */
const checkout = createHash("sha256").update(migrationsDirectory).digest("hex").slice(0, 8);
const clustersName = `leveredge-test-${process.getuid?.() ?? 0}-${checkout}`;

const templatePrefix = "store_template_";
const clusters = new Map<Major, Promise<TestCluster>>();
const templates = new Map<Major, Promise<string>>();

/** Durability is another test's subject: here a commit need not reach the disk. */
const settings = {
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  max_connections: "300",
  max_wal_size: "256MB",
  autovacuum_naptime: "10min",
};

/** The shared cluster of a major version, started when it does not run. */
export function testCluster(options: { major?: Major } = {}): Promise<TestCluster> {
  const major = options.major ?? 18;
  return remember(clusters, major, async () => {
    const server = await startServer({ ...address(major), major, settings });
    return { major, server, url: (database = "postgres") => withDatabase(server.ownerUrl, database).reveal() };
  });
}

/** An empty database, or a copy of `template`, dropped after the test. The name is its own or the one asked for. */
export async function freshDatabase(
  t: TestContext,
  options: { major?: Major; name?: string; template?: string } = {},
): Promise<FreshDatabase> {
  const cluster = await testCluster(options);
  const name = options.name ?? `test_${randomBytes(6).toString("hex")}`;
  await createDatabase(cluster, name, options.template ?? "template0");
  t.after(() => dropDatabase(cluster, name));
  return { name, url: cluster.url(name) };
}

/** A migrated store of the test's own: `db` as the program sees it, `ownerUrl` for what only the owner may do. */
export async function testDatabase(t: TestContext, options: { major?: Major } = {}): Promise<TestDatabase> {
  const cluster = await testCluster(options);
  const template = await remember(templates, cluster.major, () => ensureTemplate(cluster));
  const name = `test_${randomBytes(6).toString("hex")}`;
  await createDatabase(cluster, name, template);
  const ownerUrl = new Secret(cluster.url(name));
  const db = openDatabase(openPool(ownerUrl));
  t.after(async () => {
    await db.destroy();
    await dropDatabase(cluster, name);
  });
  return { db, ownerUrl };
}

/** Stops the clusters of this checkout, whoever started them, and removes them: the next run of the tests begins afresh. */
export async function stopTestClusters(scratch = tmpdir()): Promise<void> {
  for (const major of [15, 18] as const) await stopServer(address(major, scratch));
  const { directory, dataHome } = address(18, scratch);
  for (const path of [directory, dataHome]) await rm(path, { recursive: true, force: true });
}

function address(major: Major, scratch = tmpdir()): ServerAddress & { dataHome: string } {
  const directory = join(scratch, clustersName);
  return { directory, name: `pg${major}`, dataHome: `${directory}-data` };
}

/** A database with all migrations, made once per text of what makes it; it appears by rename, so it is never half-made. */
async function ensureTemplate(cluster: TestCluster): Promise<string> {
  const files = await readMigrationFiles(migrationsDirectory);
  const preparation = await readFile(join(migrationsDirectory, "..", "src", "store", "schema.ts"), "utf8");
  const contents = [preparation, ...files.map(({ checksum }) => checksum)].join("\n");
  const name = templatePrefix + createHash("sha256").update(contents).digest("hex").slice(0, 16);
  await withAdministrator(cluster, async (client) => {
    await client.query("select pg_advisory_lock(hashtextextended('store template', 0))");
    const existing = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (existing.rows.length > 0) return;
    const draft = `${name}_new`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await client.query(`create database ${draft} template template0`);
    await migrateStore(new Secret(cluster.url(draft)));
    await client.query(`alter database ${draft} rename to ${name}`);
  });
  return name;
}

/** Also for scripts, which have no test to end it with. */
export async function createDatabase(cluster: TestCluster, name: string, template: string): Promise<void> {
  await withAdministrator(cluster, (client) =>
    client.query(`create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template)}`),
  );
}

/** Ends its sessions too; a database that is gone already is fine. */
export async function dropDatabase(cluster: TestCluster, name: string): Promise<void> {
  await withAdministrator(cluster, (client) =>
    client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  );
}

async function withAdministrator<T>(cluster: TestCluster, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: cluster.url() });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A failed attempt is forgotten, so that the next test tries again. */
function remember<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const existing = known.get(key);
  if (existing !== undefined) return existing;
  const made = make();
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}
