/**
 * What dev should be: prod as it is or, when dev has taken migrations that prod has
 * not, prod with those on top, built in a throw-away database.
 */
import type pg from "pg";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { redact } from "#secrets/redact.ts";
import { type MigrationFile, readMigrationFiles } from "#store/migrator.ts";

import { connect, identify, type DatabaseTarget } from "#postgres/connection.ts";
import type { RelationName } from "./delta-protocol.ts";
import { type DumpScope, dumpSchema, findDumpVersion } from "./dump.ts";
import { pendingDevFirst } from "./migrations.ts";
import type { MirrorSpec, MirrorWork } from "./mirror.ts";
import {
  findAbility,
  listAvailableExtensions,
  listExtensions,
  listOwnedSequences,
  listReferencedRoles,
  listRoles,
} from "./mirror-queries.ts";
import type { PendingMigration, Refusal } from "./schema.ts";
import { makeThrowAway } from "./shadow.ts";

export type Desired = {
  target: DatabaseTarget;
  /** A session in the target, read only. */
  client: pg.Client;
  kind: "live" | "throw-away";
  /** `prod`, `prod plus 2 migrations of dev`. */
  words: string;
  pending: PendingMigration[];
  /** Filled when the desired state cannot be told or made; the target is then not to be used. */
  refusals: Refusal[];
  needs: string[];
  close(): Promise<void>;
};

export type Ends = { prod: pg.Client; dev: pg.Client };

/** Ours, in whatever database the store lies. */
export const ownSchemas = ["leveredge", "leveredge_jobs"];

/** Left out of every comparison: our schemas and the table of migrations. */
export function mirrorScope(spec: Pick<MirrorSpec, "migrations">): { schemas: string[]; tables: RelationName[] } {
  return { schemas: ownSchemas, tables: [spec.migrations.table] };
}

/** The scope of a dump: pg_dump leaves out a table, but not the sequence of its column. */
export async function dumpScope(spec: Pick<MirrorSpec, "migrations">, client: pg.Client): Promise<DumpScope> {
  const { schemas, tables } = mirrorScope(spec);
  return { schemas, tables: [...tables, ...(await listOwnedSequences(client, tables))] };
}

/** Opens the desired state; the caller closes it, whatever it holds. */
export async function openDesired(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  ends: Ends,
  work: MirrorWork,
): Promise<Desired> {
  const { table, directory } = spec.migrations;
  const files = directory === undefined ? [] : await readMigrationFiles(directory);
  const found = await pendingDevFirst(ends.prod, ends.dev, table, files);
  const pending = found.map(({ name, unreplayable }): PendingMigration => ({
    name,
    unreplayable: unreplayable ?? null,
  }));
  const replayable = found.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const mayLeaveOut = spec.allow.includes("ahead");
  const lost = pending.filter(({ unreplayable }) => unreplayable !== null);
  const live: Desired = {
    target: spec.from,
    client: ends.prod,
    kind: "live",
    words: spec.from.label,
    pending,
    refusals: [],
    needs: [],
    close: () => Promise.resolve(),
  };
  if (lost.length > 0 && !mayLeaveOut) return { ...live, refusals: [refuseAhead(spec, lost)] };
  if (replayable.length === 0) return live;
  const needs = [...(await listNeeds(app, spec, ends, work)), ...(await listMissingExtensions(spec, ends))];
  if (needs.length > 0) return { ...live, needs };
  return openThrowAway(app, spec, ends, { live, replayable, mayLeaveOut }, work);
}

async function openThrowAway(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  ends: Ends,
  state: { live: Desired; replayable: MigrationFile[]; mayLeaveOut: boolean },
  work: MirrorWork,
): Promise<Desired> {
  work.progress(`building what dev should be: ${spec.from.label} and ${state.replayable.length} migrations of dev`);
  const entries = await dumpSchema(app, spec.from, await dumpScope(spec, ends.prod), work.signal);
  const present = new Set(await listRoles(ends.dev));
  const named = await listReferencedRoles(ends.prod);
  const made = await makeThrowAway({
    beside: spec.to,
    entries,
    missingRoles: named.filter((role) => !present.has(role)),
    migrations: state.replayable,
    table: spec.migrations.table,
  }).catch((cause: unknown) => {
    if (cause instanceof AppError && cause.code === "precondition_failed") return cause;
    throw cause;
  });
  if (made instanceof AppError) {
    const remedy = `connect to ${spec.to.label} as a superuser, or bring its migrations to ${spec.from.label} first`;
    return { ...state.live, needs: [`${redact(made.message)}: ${remedy}`] };
  }
  const client = await connect(made.target, { readOnly: true });
  const failures = new Map(made.failed.map(({ name, reason }) => [name, reason]));
  const pending = state.live.pending.map((migration): PendingMigration => {
    return { ...migration, unreplayable: migration.unreplayable ?? failures.get(migration.name) ?? null };
  });
  const lost = pending.filter(({ name }) => failures.has(name));
  const count = state.replayable.length - lost.length;
  return {
    target: made.target,
    client,
    kind: "throw-away",
    words:
      count === 0
        ? spec.from.label
        : `${spec.from.label} plus ${count} migration${count === 1 ? "" : "s"} of ${spec.to.label}`,
    pending,
    refusals: lost.length > 0 && !state.mayLeaveOut ? [refuseAhead(spec, lost)] : [],
    needs: [],
    close: async () => {
      await client.end();
      await made.drop();
    },
  };
}

function refuseAhead(spec: MirrorSpec, lost: PendingMigration[]): Refusal {
  return {
    hazard: "ahead",
    text: `${spec.to.label} is ahead of ${spec.from.label} by migrations that cannot be replayed; mirroring would undo them`,
    subjects: lost.map(({ name, unreplayable }) => `${name}: ${unreplayable ?? ""}`),
    remedy: "bring them to prod with leveredge migrate up --env prod, or pass --allow ahead to leave them out",
  };
}

/** What building a database on dev's server from a dump of prod takes. */
async function listNeeds(app: Pick<App, "run">, spec: MirrorSpec, ends: Ends, work: MirrorWork): Promise<string[]> {
  const ability = await findAbility(ends.dev);
  const needs: string[] = [];
  if (!ability.createDatabase) {
    needs.push(
      `role ${ability.role} on ${spec.to.label} needs CREATEDB to build what ${spec.to.label} should be: alter role "${ability.role}" createdb`,
    );
  }
  return [...needs, ...(await listDumpNeeds(app, spec, ends, work))];
}

/** pg_dump must not be older than the server it dumps. */
export async function listDumpNeeds(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  ends: Ends,
  work: MirrorWork,
): Promise<string[]> {
  const { serverVersion } = await identify(ends.prod);
  const major = Math.floor(serverVersion / 10_000);
  const version = await findDumpVersion(app, spec.from, work.signal);
  if (version !== undefined && version >= major) return [];
  const found = version === undefined ? "there is none" : `pg_dump ${version} is here`;
  return [
    `pg_dump ${major} or newer, because ${spec.from.label} is PostgreSQL ${major} and ${found}: apt-get install postgresql-client-${major}`,
  ];
}

/** Extensions of prod that dev's server cannot create. */
export async function listMissingExtensions(spec: MirrorSpec, ends: Ends): Promise<string[]> {
  const available = new Set([...(await listAvailableExtensions(ends.dev)), ...(await listExtensions(ends.dev))]);
  return (await listExtensions(ends.prod))
    .filter((name) => !available.has(name))
    .map((name) => `extension ${name} on the server of ${spec.to.label}: install its package there`);
}
