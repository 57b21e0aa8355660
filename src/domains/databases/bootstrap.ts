/** A dump's entries as statements of a plan: how an empty dev is filled. */
import type { DeltaAction } from "./delta-protocol.ts";
import type { DumpEntry } from "./dump.ts";
import { findEndpoints } from "./endpoints.ts";
import { mendArrays } from "./repairs.ts";

/** Kinds of pg_dump that other plans name differently. */
const kinds: Record<string, string> = {
  "FK CONSTRAINT": "constraint",
  "CHECK CONSTRAINT": "constraint",
  "DEFAULT ACL": "default privilege",
  "TABLE ATTACH": "table",
  "INDEX ATTACH": "index",
  "ROW SECURITY": "policy",
  "SEQUENCE OWNED BY": "sequence",
  ACL: "grant",
};

/** One statement for each entry; nothing of dev is touched, because nothing is there. */
export function describeEntries(entries: readonly DumpEntry[]): DeltaAction[] {
  return entries.map((entry) => ({
    sql: entryText(entry),
    verb: "create",
    subject: { kind: kinds[entry.type] ?? entry.type.toLowerCase(), object: entry.object },
    destroys: [],
    relations: [],
    transaction: "inside",
    lock: "none",
    losesData: false,
    mayRewrite: false,
    retype: null,
    endpoints: findEndpoints(entry.sql),
  }));
}

/** An entry as it must be run, so that PostgreSQL stores the expressions that prod has. */
export function entryText({ type, sql }: DumpEntry): string {
  return /^(FUNCTION|PROCEDURE|AGGREGATE)$/.test(type) ? sql : mendArrays(sql);
}
