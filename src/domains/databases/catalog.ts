/**
 * The catalogue of a database as comparable text: the independent proof that
 * one database's schema equals another's.
 *
 * Every object becomes one line of kind, identity and definition, read straight
 * from pg_catalog inside one read-only snapshot. Nothing here knows how a
 * difference is planned or repaired, and no planner's library is used: what a
 * planner cannot see is seen here. What the catalogue stores and no kind covers
 * is listed with its reason in the test that reads PostgreSQL's own list of
 * system columns.
 *
 * Outside: system schemas, members of extensions, temporary tables, our own two
 * schemas and the tables the scope names. Grants that were changed on members of
 * extensions and on system objects are read all the same.
 *
 * A definition may quote what the operator wrote into a function; show kind,
 * identity and attribute names, not definitions. Values of options that hold
 * passwords are read only as a hash.
 *
 * pg_get_*def() reads the newest state, not the snapshot: DDL on the source
 * while it is read may show as a difference of that moment.
 */
import { createHash } from "node:crypto";

import type pg from "pg";

import { AppError } from "#errors.ts";

import {
  beginSnapshot,
  endSnapshot,
  findServerVersion,
  findTableAccess,
  listCatalogRows,
  listLeftOutRelations,
  type CatalogQuery,
  type CatalogRow,
} from "./catalog-queries.ts";
import { outsideQueries } from "./catalog-outside-queries.ts";
import { privilegeQueries } from "./catalog-privilege-queries.ts";
import { relationQueries } from "./catalog-relation-queries.ts";
import { routineQueries } from "./catalog-routine-queries.ts";
import { typeQueries } from "./catalog-type-queries.ts";

export type CatalogScope = {
  /** Tables of ours in the operator's database, with all that hangs on them: the migrations table. */
  excludeTables: { schema: string; name: string }[];
  /** Left out besides `leveredge` and `leveredge_jobs`. */
  excludeSchemas?: string[];
};

export type Catalog = {
  /** `server_version_num`: 150018. */
  serverVersion: number;
  /** What this role may not read: `jobs of pg_cron`. */
  unread: string[];
  /** Sorted by kind and identity. */
  objects: CatalogObject[];
};

export type CatalogObject = {
  kind: string;
  /** Quoted as in SQL and qualified: `public."My Table".id`. Unique within its kind. */
  identity: string;
  /** Canonical JSON: equal text is an equal object. */
  definition: string;
  /** Canonical JSON of what differs between environments by design; a difference in it is a finding. */
  context: string;
  /** Exists by itself: a table, a function, a type; not a column or a grant. */
  whole: boolean;
  /** Keys (`catalogKey`) of the objects it hangs on. */
  parents: string[];
};

const ownSchemas = ["leveredge", "leveredge_jobs"];
const oldestServerVersion = 150000;

const queries: readonly CatalogQuery[] = [
  ...relationQueries,
  ...typeQueries,
  ...routineQueries,
  ...outsideQueries,
  ...privilegeQueries,
];

/** One name for an object within a catalogue. */
export function catalogKey(object: Pick<CatalogObject, "kind" | "identity">): string {
  return `${object.kind} ${object.identity}`;
}

/**
 * Reads everything in scope in one REPEATABLE READ READ ONLY transaction, which
 * it begins and ends: the client must not be inside one. Refuses servers before
 * PostgreSQL 15.
 */
export async function readCatalog(client: pg.ClientBase, scope: CatalogScope): Promise<Catalog> {
  const serverVersion = await findServerVersion(client);
  if (serverVersion < oldestServerVersion) {
    throw new AppError(
      "precondition_failed",
      `the server is PostgreSQL ${majorOf(serverVersion)}; 15 or newer is needed`,
      {
        hint: "Upgrade the server to PostgreSQL 15 or newer.",
      },
    );
  }
  await beginSnapshot(client);
  try {
    const leftOut = {
      schemas: [...ownSchemas, ...(scope.excludeSchemas ?? [])],
      relations: await listLeftOutRelations(client, scope.excludeTables),
    };
    const reader = new CatalogReader();
    const unread: string[] = [];
    for (const query of queries) {
      const access = query.needs === undefined ? "readable" : await findTableAccess(client, query.needs);
      if (access === "readable") reader.add(await listCatalogRows(client, query, serverVersion, leftOut));
      if (access === "denied") unread.push(query.name);
    }
    return { serverVersion, unread, objects: reader.objects() };
  } finally {
    // A connection that broke has no transaction to end, and the first error says why.
    await endSnapshot(client).catch(() => undefined);
  }
}

/** SHA-256 over kinds, identities and definitions; contexts do not enter. Equal schemas have equal digests. */
export function digestCatalog(objects: readonly CatalogObject[]): string {
  const hash = createHash("sha256");
  for (const { kind, identity, definition } of objects)
    hash.update(`${JSON.stringify([kind, identity, definition])}\n`);
  return hash.digest("hex");
}

/** 15 of 150018. */
export function majorOf(serverVersion: number): number {
  return Math.floor(serverVersion / 10_000);
}

/**
 * Gathers rows and turns their addresses (`pg_class:16384:2`) into names. A row
 * that is named after a parent out of scope is left out: a comment on a member
 * of an extension.
 */
class CatalogReader {
  readonly #rows: CatalogRow[] = [];
  readonly #keys = new Map<string, string>();

  add(rows: readonly CatalogRow[]): void {
    for (const row of rows) {
      this.#rows.push(row);
      if (row.address !== undefined) this.#keys.set(row.address, catalogKey(row));
    }
  }

  objects(): CatalogObject[] {
    const objects = this.#rows.flatMap((row) => this.#name(row));
    objects.sort((a, b) => order(a.kind, b.kind) || order(a.identity, b.identity) || order(a.definition, b.definition));
    return objects.map(numberRepeated);
  }

  #name(row: CatalogRow): CatalogObject[] {
    const parents = (row.parents ?? []).flatMap((address) => this.#keys.get(address) ?? []);
    const [first] = parents;
    if (row.namedAfterParent === true && first === undefined) return [];
    return [
      {
        kind: row.kind,
        identity: row.namedAfterParent === true ? `${first}${row.identity}` : row.identity,
        definition: row.definition ?? "{}",
        context: row.context ?? "{}",
        whole: row.whole ?? false,
        parents,
      },
    ];
  }
}

/** A name that comes twice (two jobs without a name) must not hide one of the two. */
function numberRepeated(object: CatalogObject, position: number, sorted: readonly CatalogObject[]): CatalogObject {
  const before = sorted[position - 1];
  if (before === undefined || catalogKey(before) !== catalogKey(object)) return object;
  const repetitions = position - sorted.findIndex((other) => catalogKey(other) === catalogKey(object));
  return { ...object, identity: `${object.identity} (${repetitions + 1})` };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
