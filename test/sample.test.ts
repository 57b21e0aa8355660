import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import pg from "pg";
import { z } from "zod";

import { programRoot } from "#config/state-directory.ts";
import { Credential } from "#domains/credentials/schema.ts";
import { Report } from "#domains/hardening/schema.ts";
import { startServer } from "#store/server.ts";
import { compareDumps, dumpSchema } from "#test/pg-dump.ts";
import { runLeveredge } from "#test/run-leveredge.ts";
import { testStateDirectory } from "#test/state-directory.ts";

/** Whole objects of the sample's dev that prod does not have. */
const devOnlyObjects = `
  create table public.prompt_experiments (
    id integer generated always as identity primary key,
    prompt_id integer references public.prompts on delete cascade,
    hypothesis text not null
  );
  create view public.debug_slow_runs as
    select id, agent_id, started_at from public.agent_runs where finished_at - started_at > interval '1 minute';
  -- They were made while dev's default privileges had drifted.
  grant select on public.prompt_experiments, public.debug_slow_runs to anon`;

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(sql);
    return z.array(z.record(z.string(), z.unknown())).parse(Array.isArray(rows) ? rows : []);
  } finally {
    await client.end();
  }
}

async function listSampleCredentials(state: string): Promise<Credential[]> {
  const config = join(state, "sample", "leveredge.yaml");
  const { stdout } = await runLeveredge(["credentials", "list", "--json", "--state", state, "--config", config]);
  return z.array(Credential).parse(JSON.parse(stdout));
}

/** The schema that dev must have, made from the sample's files alone: no code of the mirror takes part. */
async function makeExpected(devUrl: string): Promise<string> {
  const read = (file: string) => readFile(join(programRoot, "sample", file), "utf8");
  const url = new URL(devUrl);
  await query(devUrl, "create database expected");
  url.pathname = "/expected";
  await query(url.toString(), await read("prod-schema.sql"));
  await query(url.toString(), await read("platform/migrations/0001_agent_feedback.sql"));
  await query(url.toString(), devOnlyObjects);
  return url.toString();
}

/** Without our own table; the order of grants in a list means nothing. */
function normalize(entries: readonly string[]): string[] {
  return entries
    .filter((entry) => !entry.includes("schema_migrations"))
    .map((entry) => (entry.includes("; Type: ACL;") ? entry.split("\n").toSorted().join("\n") : entry));
}

test("npm start makes the sample's dev equal to prod by pg_dump's word, moves no user row, keeps dev-first work, and finds nothing to do again", async (t) => {
  const state = await testStateDirectory(t);

  const ran = await runLeveredge(["start", "--exit", "--json", "--state", state]);

  assert.equal(ran.exitCode, 0, ran.stderr);
  const report = Report.parse(JSON.parse(ran.stdout));
  assert.deepEqual(
    report.sections.map(({ number, state: sectionState }) => [number, sectionState]),
    [
      [1, "verified"],
      [3, "verified"],
      [5, "verified"],
    ],
  );

  // Of the sample's three backup sets one is too old and one has a flipped byte, and one key is used in dev and in prod.
  assert.deepEqual(
    report.looseEnds.filter(({ severity }) => severity === "high").map(({ id }) => id),
    [
      "check:backup set archive",
      "check:backup set offsite",
      "check:equal values openai-dev/api_key openai-prod/api_key",
    ],
  );
  assert.ok(report.looseEnds.some(({ id }) => id === "check:expiry of credential cloudflare-dns"));
  // Whether there is a network or not: one answer makes no key dead.
  const credentials = await listSampleCredentials(state);
  assert.deepEqual(
    credentials.map(({ validationStatus }) => validationStatus),
    ["unknown", "unknown", "unknown", "unknown", "unknown"],
  );

  const sample = join(state, "sample");
  // Started again: --exit has stopped it. The state directory's own end stops it.
  await startServer({ directory: state, name: "sample", major: 15 });
  const devUrl = (await readFile(join(sample, "dev.url"), "utf8")).trim();
  const prodUrl = (await readFile(join(sample, "prod.url"), "utf8")).trim();

  const expected = await dumpSchema(await makeExpected(devUrl));
  const actual = await dumpSchema(devUrl);
  assert.deepEqual(compareDumps(normalize(expected), normalize(actual)), {
    left: [],
    right: [],
  });

  const [conversations] = await query(devUrl, "select count(*)::int as rows, min(title) as title from conversations");
  assert.deepEqual(conversations, { rows: 1, title: "My own test" });
  const [people] = await query(devUrl, "select count(*)::int as rows, min(email) as email from profiles");
  assert.deepEqual(people, { rows: 1, email: "developer@example.com" });
  const [messages] = await query(devUrl, "select count(*)::int as rows from messages");
  assert.deepEqual(messages, { rows: 0 });

  const migrations = await query(devUrl, "select migration_name from schema_migrations where kind = 'migration'");
  assert.deepEqual(migrations, [{ migration_name: "0001_agent_feedback.sql" }]);
  const [feedback] = await query(
    devUrl,
    "select bool_and(feedback_enabled) as enabled, count(*)::int as rows from agent_configs",
  );
  assert.deepEqual(feedback, { enabled: true, rows: 8 });
  const agents = "select agent_name, model, parameters::text from agent_configs order by id";
  assert.deepEqual(await query(devUrl, agents), await query(prodUrl, agents));

  const onProd = await query(prodUrl, "select migration_name from schema_migrations");
  assert.deepEqual(onProd, []);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", join(sample, "platform"), ...args], { encoding: "utf8" });
  assert.deepEqual(git("log", "--format=%s").trim().split("\n"), [
    "GSD: [Completion] - loose ends",
    "GSD: [Section 5] - Cost tracking",
    "GSD: [Section 1] - Database mirroring",
    "Sample platform",
  ]);
  assert.equal(git("status", "--porcelain"), "");

  const again = await runLeveredge(["start", "--exit", "--json", "--state", state]);

  assert.equal(again.exitCode, 0, again.stderr);
  const second = Report.parse(JSON.parse(again.stdout));
  assert.deepEqual([...new Set(second.sections.flatMap(({ steps }) => steps.map((step) => step.state)))], ["verified"]);
  assert.equal(git("log", "--format=%s").trim().split("\n").length, 4);
  const identify = (list: Credential[]) => list.map(({ id, version }) => [id, version]);
  assert.deepEqual(identify(await listSampleCredentials(state)), identify(credentials));
});
