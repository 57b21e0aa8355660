/**
 * What a statement may cost. A hazard must be allowed by name before the statement
 * runs; what cannot hurt (a lock on an empty table, a default that rewrites nothing)
 * is none, so that the names stay worth reading.
 */
import type { Hazard } from "#config/schema.ts";

import type { DeltaAction, RelationName } from "./delta-protocol.ts";

/** What hazards depend on besides the statements. */
export type HazardContext = {
  /** Tables of dev that hold rows, by `relationKey`. */
  populated: ReadonlySet<string>;
  /** The role that applies the plan; what it creates is its own anyway. */
  currentRole: string;
};

export type Hazards = { hazards: Hazard[]; notes: string[] };

const dataKinds = new Set(["table", "column", "attribute"]);
const privilegeKinds = new Set(["grant", "default privilege", "policy"]);
const executedKinds = new Set([
  "function",
  "procedure",
  "trigger",
  "view",
  "materialized view",
  "default",
  "column",
  "rule",
  "policy",
  "event trigger",
  "table",
  "constraint",
  "index",
]);

export function relationKey(relation: RelationName): string {
  return JSON.stringify([relation.schema, relation.name]);
}

/** The hazards of each statement, in the statements' order. */
export function findHazards(actions: readonly DeltaAction[], context: HazardContext): Hazards[] {
  const created = new Set(actions.filter(({ verb }) => verb === "create").map(subjectKey));
  const dropped = new Set(actions.flatMap(({ destroys }) => destroys.map(({ kind, object }) => `${kind} ${object}`)));
  return actions.map((action) => {
    const filled = action.relations.filter((relation) => context.populated.has(relationKey(relation)));
    const found = new Map<Hazard, string | undefined>();
    if (losesData(action)) found.set("data-loss", lossNote(action));
    if (filled.length > 0 && blocksOthers(action))
      found.set("lock", `locks ${relationWords(filled)}, which holds rows`);
    if (filled.length > 0 && rewrites(action)) found.set("rewrite", `rewrites ${relationWords(filled)}`);
    if (filled.length > 0 && dropped.has(subjectKey(action)) && buildsIndex(action)) {
      found.set("index-rebuild", `builds ${action.subject.object} again`);
    }
    if (changesPrivileges(action, created, context.currentRole)) found.set("privilege", undefined);
    if (action.endpoints.length > 0 && executedKinds.has(action.subject.kind)) {
      found.set(
        "endpoint-copied",
        `${action.subject.kind} ${action.subject.object} holds ${action.endpoints.join(", ")}`,
      );
    }
    return { hazards: [...found.keys()], notes: [...found.values()].filter((note) => note !== undefined) };
  });
}

function subjectKey({ subject }: DeltaAction): string {
  return `${subject.kind} ${subject.object}`;
}

function relationWords(relations: readonly RelationName[]): string {
  return relations.map(({ schema, name }) => `${schema}.${name}`).join(", ");
}

function losesData(action: DeltaAction): boolean {
  if (action.losesData || action.destroys.some(({ kind }) => dataKinds.has(kind))) return true;
  return action.retype !== null && castLoses(action.retype.from, action.retype.to);
}

function lossNote(action: DeltaAction): string {
  if (action.retype !== null) return `${action.retype.from} becomes ${action.retype.to}: values may be cut or rounded`;
  const lost = action.destroys.filter(({ kind }) => dataKinds.has(kind));
  const named = lost.slice(0, 3).map(({ kind, object }) => `${kind} ${object}`);
  return named.length === 0
    ? "data of dev may be lost"
    : `loses ${named.join(", ")}${lost.length > 3 ? " and more" : ""}`;
}

/** An explicit cast cuts and rounds without an error; other casts fail loudly. */
export function castLoses(from: string, to: string): boolean {
  const [source, target] = [parseType(from), parseType(to)];
  const isText = (name: string): boolean => /^(text|character varying|character|bpchar|citext|name)$/.test(name);
  if (isText(target.name)) return target.limits.length > 0 && !(isText(source.name) && fits(source, target));
  if (/^(smallint|integer|bigint)$/.test(target.name))
    return /^(numeric|real|double precision|money)$/.test(source.name);
  if (target.name === "real") return /^(double precision|numeric)$/.test(source.name);
  if (target.name === "numeric" && target.limits.length > 0)
    return !(source.name === "numeric" && fits(source, target));
  if (/^(date|time)/.test(target.name) && source.name.startsWith("timestamp")) return true;
  return source.name === target.name && target.limits.length > 0 && !fits(source, target);
}

type ParsedType = { name: string; limits: number[] };

function parseType(text: string): ParsedType {
  const limits = /\(([\d,\s-]+)\)/.exec(text)?.[1];
  return {
    name: text
      .replace(/\([\d,\s-]+\)/, "")
      .replace(/\s+/g, " ")
      .trim(),
    limits: limits === undefined ? [] : limits.split(",").map(Number),
  };
}

function fits(source: ParsedType, target: ParsedType): boolean {
  if (source.limits.length === 0) return false;
  const [precision = 0, scale = 0] = source.limits;
  const [roomPrecision = 0, roomScale = 0] = target.limits;
  return scale <= roomScale && precision - scale <= roomPrecision - roomScale;
}

function blocksOthers(action: DeltaAction): boolean {
  return action.lock === "accessExclusive" || action.lock === "share" || action.lock === "shareRowExclusive";
}

/** A constant default is stored once; only what must be computed for each row rewrites the table. */
function rewrites(action: DeltaAction): boolean {
  if (!action.mayRewrite) return false;
  const added = / ADD COLUMN [\s\S]* DEFAULT ([\s\S]*)$/.exec(action.sql)?.[1];
  if (added === undefined || / GENERATED ALWAYS AS \(/.test(action.sql)) return true;
  const bare = added
    .replace(/'(?:[^']|'')*'/g, "")
    .replace(/\b(now|pg_catalog\.now)\(\)/g, "")
    .replace(/\(\d+(,\s*\d+)?\)/g, "");
  return bare.includes("(");
}

function buildsIndex(action: DeltaAction): boolean {
  if (action.verb !== "create") return false;
  if (action.subject.kind === "index") return true;
  return action.subject.kind === "constraint" && / (PRIMARY KEY|UNIQUE|EXCLUDE) /.test(`${action.sql} `);
}

function changesPrivileges(action: DeltaAction, created: ReadonlySet<string>, currentRole: string): boolean {
  if (privilegeKinds.has(action.subject.kind)) return true;
  if (/^(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|CREATE ROLE)\b/.test(action.sql)) return true;
  if (action.sql.endsWith(" ROW LEVEL SECURITY")) return true;
  const owner = / OWNER TO ("(?:[^"]|"")+")$/.exec(action.sql)?.[1];
  if (owner !== undefined)
    return !(created.has(subjectKey(action)) && owner === `"${currentRole.replaceAll('"', '""')}"`);
  return (
    /^(function|procedure)$/.test(action.subject.kind) &&
    /\bSECURITY DEFINER\b/.test(action.sql.split(/\bAS\s+(\$|')/)[0] ?? "")
  );
}
