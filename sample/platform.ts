/**
 * The sample platform: what `npm start` hardens when there is no configuration.
 *
 * A PostgreSQL 15 cluster of its own with a prod and a dev database, backups of
 * prod (one good, one too old, one with a flipped byte), a git checkout and a
 * leveredge.yaml, all under one directory; its credentials are `credentials.ts`. It is made once; each
 * part is built under another name and renamed, so that a kill in the middle
 * leaves nothing half-made. From there on it is a platform like any other: no
 * code asks whether it is the sample.
 */
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import pg from "pg";

import { readVersion } from "#config/program-version.ts";
import { createBackup } from "#domains/backups/create.ts";
import { manifestPathOf } from "#domains/backups/manifest.ts";
import { Secret } from "#secrets/secret.ts";
import { ensureMigrationTable } from "#store/migrator.ts";
import { applyMigrations, readMigrationFiles } from "#store/migrator.ts";
import { type Server, startServer } from "#store/server.ts";
import type { Run } from "#system/run.ts";

export type SamplePlatform = { configPath: string; made: boolean; server: Server };

type Options = { stateDirectory: string; run: Run; signal: AbortSignal; say: (line: string) => void };

const source = import.meta.dirname;
const roles = ["anon", "authenticated", "service_role"];
const dayMs = 24 * 60 * 60 * 1000;
const migrationTable = { schema: "public", name: "schema_migrations" };

/** Makes what is missing and starts the cluster; a second call changes nothing. */
export async function ensureSamplePlatform(options: Options): Promise<SamplePlatform> {
  const directory = join(options.stateDirectory, "sample");
  const configPath = join(directory, "leveredge.yaml");
  const made = !(await exists(configPath));
  if (made)
    options.say(
      "making the sample platform: a prod and a dev database on PostgreSQL 15, backups of prod, and a git checkout",
    );
  await mkdir(directory, { recursive: true, mode: 0o700 });

  const server = await startServer({
    directory: options.stateDirectory,
    name: "sample",
    major: 15,
    settings: { wal_level: "logical" },
    signal: options.signal,
  });
  if (made) {
    await withClient(urlOf(server, "postgres"), async (client) => {
      await makeRoles(client);
      await Promise.all([
        makeDatabase(server, client, "prod", buildProd),
        makeDatabase(server, client, "dev", buildDev),
        makeCheckout(join(directory, "platform"), options.run),
      ]);
    });
    await makeBackups(join(directory, "backups"), urlOf(server, "prod"), options);
    await writePrivate(join(directory, "prod.url"), urlOf(server, "prod"));
    await writePrivate(join(directory, "dev.url"), urlOf(server, "dev"));
    const template = await readFile(join(source, "leveredge.yaml"), "utf8");
    await writePrivate(configPath, template.replaceAll("{{DIRECTORY}}", directory));
  }
  return { configPath, made, server };
}

function urlOf(server: Server, database: string): string {
  const url = new URL(server.ownerUrl.reveal());
  url.pathname = `/${database}`;
  return url.toString();
}

async function makeRoles(client: pg.Client): Promise<void> {
  for (const role of roles) {
    const { rowCount } = await client.query("select 1 from pg_roles where rolname = $1", [role]);
    if (rowCount === 0) await client.query(`create role ${pg.escapeIdentifier(role)} nologin`);
  }
}

/** Built as `<name>_making`, then renamed: the name exists only when all is in it. */
async function makeDatabase(
  server: Server,
  client: pg.Client,
  name: string,
  build: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
  if (rowCount !== 0) return;
  const making = `${name}_making`;
  await client.query(`drop database if exists ${pg.escapeIdentifier(making)} with (force)`);
  await client.query(`create database ${pg.escapeIdentifier(making)}`);
  await withClient(urlOf(server, making), build);
  await client.query(`alter database ${pg.escapeIdentifier(making)} rename to ${pg.escapeIdentifier(name)}`);
}

async function buildProd(client: pg.Client): Promise<void> {
  await runFile(client, "prod-schema.sql");
  await runFile(client, "prod-rows.sql");
}

async function buildDev(client: pg.Client): Promise<void> {
  await runFile(client, "prod-schema.sql");
  await runFile(client, "dev-drift.sql");
  await ensureMigrationTable(client, migrationTable, { environment: "dev" });
  const files = await readMigrationFiles(join(source, "platform", "migrations"));
  await applyMigrations(client, migrationTable, files, { appliedBy: "developer", lockTimeoutMs: 10_000 });
}

async function runFile(client: pg.Client, file: string): Promise<void> {
  await client.query(await readFile(join(source, file), "utf8"));
}

/** Of three sets; `archive` was written long ago by the manifest's word, and of `offsite` one byte is not what it was. */
async function makeBackups(directory: string, prodUrl: string, { run, signal }: Options): Promise<void> {
  if (await exists(directory)) return;
  const making = `${directory}.making`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { mode: 0o700 });
  const target = { label: "prod", url: new Secret(prodUrl) };
  const dump = async (name: string, now: Date): Promise<string> => {
    const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const file = join(making, `${name}-${stamp}.dump`);
    const app = { run, now: () => now, programVersion: readVersion() };
    await createBackup(app, { target, file }, { signal, progress: () => undefined });
    return file;
  };
  const now = Date.now();
  const [good] = await Promise.all([dump("chronos", new Date(now)), dump("archive", new Date(now - 40 * dayMs))]);
  const damaged = good.replace("chronos-", "offsite-");
  const bytes = await readFile(good);
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  await writeFile(damaged, bytes, { mode: 0o600 });
  await cp(manifestPathOf(good), manifestPathOf(damaged));
  await rename(making, directory);
}

async function makeCheckout(directory: string, run: Run): Promise<void> {
  if (await exists(directory)) return;
  const making = `${directory}.making`;
  await rm(making, { recursive: true, force: true });
  await cp(join(source, "platform"), making, { recursive: true });
  const git = (...args: string[]) =>
    run("git", ["-c", "user.name=Sample", "-c", "user.email=sample@localhost", ...args], {
      cwd: making,
      timeoutMs: 20_000,
    });
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", ".");
  await git("commit", "--quiet", "--message=Sample platform");
  await rename(making, directory);
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(`${path}.making`, text, { mode: 0o600 });
  await rename(`${path}.making`, path);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}
