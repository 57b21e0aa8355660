/**
 * The sample platform for runs of the real program that are killed. It is built
 * once; each kill gets copies of its databases and its checkout, in the same
 * place and under the same names, because installed scripts name them.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

import pg from "pg";

import { ensureMigrationTable } from "#store/migrator.ts";
import { runProgram } from "#system/run.ts";
import { testDatabase } from "#test/database.ts";
import {
  type Ended,
  type KilledPlatform,
  counted,
  git,
  killAt,
  readGit,
  readStore,
  runNode,
  withClient,
} from "#test/killed-run.ts";

import { ensureSamplePlatform } from "../sample/platform.ts";

export type SampleCopies = {
  /** Fresh copies for one kill; those of the one before are gone. */
  copy(part: TestContext): Promise<KilledPlatform>;
};

const environments = ["prod", "dev"] as const;
const migrationTable = { schema: "public", name: "schema_migrations" };
const leveredge = join(import.meta.dirname, "..", "bin", "leveredge.ts");

export async function buildSample(t: TestContext): Promise<SampleCopies> {
  const directory = await mkdtemp(join(tmpdir(), "killed-sample-"));
  const signal = new AbortController().signal;
  const sample = await ensureSamplePlatform({
    stateDirectory: directory,
    run: runProgram,
    signal,
    say: () => undefined,
  });
  const { server } = sample;
  t.after(async () => {
    await server.stop();
    for (const path of [directory, dirname(server.dataDirectory)]) await rm(path, { recursive: true, force: true });
  });
  const original = dirname(sample.configPath);
  const place = join(directory, "copy");
  const urlOf = (database: string): string => {
    const url = new URL(server.ownerUrl.reveal());
    url.pathname = `/${database}`;
    return url.toString();
  };
  const administer = (text: string): Promise<unknown> => withClient(urlOf("postgres"), (client) => client.query(text));

  return {
    async copy(part) {
      const stateDir = join(place, "state");
      await rm(place, { recursive: true, force: true });
      await mkdir(stateDir, { recursive: true, mode: 0o700 });
      for (const folder of ["platform", "backups"]) {
        await cp(join(original, folder), join(place, folder), { recursive: true, preserveTimestamps: true });
      }
      for (const environment of environments) {
        const name = `${environment}_copy`;
        await administer(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
        await administer(`create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(environment)}`);
        await writeFile(join(place, `${environment}.url`), urlOf(name), { mode: 0o600 });
      }
      await withClient(urlOf("dev_copy"), (client) =>
        ensureMigrationTable(client, migrationTable, { environment: "dev" }),
      );
      const config = await readFile(sample.configPath, "utf8");
      await writeFile(join(place, "leveredge.yaml"), config.replaceAll(original, place));
      const store = await testDatabase(part);
      const storeUrl = store.ownerUrl.reveal();
      const words = ["harden", "--config", join(place, "leveredge.yaml"), "--state", stateDir];
      const harden = (more: string[], env: Record<string, string> = {}): Promise<Ended> =>
        runNode(["--import", killAt, leveredge, ...words, ...more], {
          PATH: process.env["PATH"] ?? "",
          DATABASE_URL: storeUrl,
          ...counted,
          ...env,
        });
      return {
        root: join(place, "platform"),
        stateDir,
        storeUrl,
        devUrl: urlOf("dev_copy"),
        prodUrl: urlOf("prod_copy"),
        harden,
      };
    },
  };
}

/** Everything that a run left, without ids, times and attempts. */
export async function readSamplePicture(platform: KilledPlatform): Promise<unknown> {
  return {
    store: await readStore(platform.storeUrl),
    dev: await readDatabase(platform.devUrl),
    prod: await readDatabase(platform.prodUrl),
    git: await readGit(platform.root),
    files: await git(platform.root, "ls-files", "--stage"),
  };
}

/** Its schema as pg_dump tells it, the rows of each table as a digest, and what the migrations table says. */
async function readDatabase(url: string): Promise<unknown> {
  const dump = await runProgram("pg_dump", ["--schema-only", "--dbname", url], { timeoutMs: 120_000 });
  return withClient(url, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(`
      select oid::regclass::text as name
      from pg_class
      where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
        and oid <> coalesce(to_regclass('public.schema_migrations'), 0)
      order by 1`);
    const rows: Record<string, unknown> = {};
    for (const { name } of tables) {
      const text = `select count(*)::int, md5(string_agg(t::text, e'\\n' order by t::text)) from only ${name} t`;
      rows[name] = (await client.query(text)).rows[0];
    }
    const { rows: sequences } = await client.query(`
      select schemaname, sequencename, last_value from pg_sequences
      where sequencename <> 'schema_migrations_id_seq' order by 1, 2`);
    const { rows: migrations } = await client.query(`
      select regexp_replace(migration_name, '-\\d{4}-\\d\\d.*', '') as name, applied_by, kind, checksum, sql, status
      from schema_migrations order by id`);
    const schema = dump.stdout.replaceAll(/^\\(un)?restrict .*$/gm, "");
    return { schema, rows, sequences, migrations };
  });
}
