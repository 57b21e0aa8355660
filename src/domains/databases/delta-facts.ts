/**
 * What the desired state is made of before it is planned: facts of prod, without
 * what lies outside a mirror, with what only dev has and keeps, and with what is
 * bound to its environment as dev has it.
 */
import {
  buildFactBase,
  encodeId,
  type DependencyEdge,
  type Fact,
  type FactBase,
  type StableId,
} from "@supabase/pg-delta";
import pg from "pg";

import type { DeltaObject, RelationName } from "./delta-protocol.ts";

const wholeKinds = new Set([
  "schema",
  "extension",
  "table",
  "foreignTable",
  "view",
  "materializedView",
  "function",
  "procedure",
  "aggregate",
  "type",
  "domain",
  "sequence",
  "collation",
  "fdw",
  "server",
  "userMapping",
  "subscription",
]);

/** Kinds that share one name space with tables: two of them cannot have one name. */
const namedTogether = ["table", "foreignTable", "view", "materializedView", "sequence", "type", "domain"] as const;
const routineKinds = ["function", "procedure", "aggregate"] as const;

/** Hosts, ports, passwords: what is right on prod is wrong on dev. */
const environmentBoundKinds = new Set(["server", "userMapping", "subscription"]);
const alwaysKept = new Set(["userMapping", "subscription"]);
const optionKinds = new Set(["fdw", "foreignTable"]);

const kindWords: Partial<Record<StableId["kind"], string>> = {
  materializedView: "materialized view",
  foreignTable: "foreign table",
  eventTrigger: "event trigger",
  typeAttribute: "attribute",
  publicationRel: "publication table",
  publicationSchema: "publication schema",
  userMapping: "user mapping",
  securityLabel: "security label",
  defaultPrivilege: "default privilege",
  extensionIntent: "extension setting",
  fdw: "foreign data wrapper",
  acl: "grant",
};

/** Kind and name of a fact in an operator's words, identifiers quoted as SQL needs them. */
export function describeId(id: StableId): DeltaObject {
  const kind = kindWords[id.kind] ?? id.kind;
  switch (id.kind) {
    case "acl":
      return { kind, object: `${objectWords(id.target)} to ${id.grantee}` };
    case "comment":
    case "securityLabel":
      return { kind, object: objectWords(id.target) };
    case "membership":
      return { kind, object: `${quote(id.member)} in ${quote(id.role)}` };
    case "userMapping":
      return { kind, object: `${quote(id.role)} on ${quote(id.server)}` };
    case "publicationRel":
      return { kind, object: `${quote(id.publication)}: ${quote(id.schema)}.${quote(id.table)}` };
    case "publicationSchema":
      return { kind, object: `${quote(id.publication)}: ${quote(id.schema)}` };
    case "defaultPrivilege":
      return { kind, object: `of ${quote(id.role)} in ${id.schema ?? "every schema"} to ${id.grantee}` };
    case "typeAttribute":
      return { kind, object: `${quote(id.schema)}.${quote(id.type)}.${quote(id.name)}` };
    case "extensionIntent":
      return { kind, object: `${id.ext} ${id.intentKind} ${id.key}` };
    case "function":
    case "procedure":
    case "aggregate":
      return { kind, object: `${quote(id.schema)}.${quote(id.name)}(${id.args.join(", ")})` };
    default: {
      const parts = "table" in id ? [id.schema, id.table, id.name] : "schema" in id ? [id.schema, id.name] : [id.name];
      return { kind, object: parts.map(quote).join(".") };
    }
  }
}

function objectWords(target: StableId): string {
  const { kind, object } = describeId(target);
  return `${kind} ${object}`;
}

function quote(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : pg.escapeIdentifier(name);
}

/** Takes out what lies outside a mirror: our schemas, the table of migrations and all that hangs on them. */
export function withoutExcluded(
  base: FactBase,
  excluded: { schemas: readonly string[]; tables: readonly RelationName[] },
): FactBase {
  const ownedSequences = new Set(
    base.facts().flatMap((fact) => {
      const owner = sequenceOwner(fact);
      return owner !== undefined && isExcludedTable(excluded.tables, owner.schema, owner.table)
        ? [encodeId(fact.id)]
        : [];
    }),
  );
  const isOutside = (id: StableId): boolean => {
    if ("target" in id) return isOutside(id.target);
    if (ownedSequences.has(encodeId(id))) return true;
    if (id.kind === "schema") return excluded.schemas.includes(id.name);
    if (!("schema" in id) || id.schema === null) return false;
    if (excluded.schemas.includes(id.schema)) return true;
    return isExcludedTable(excluded.tables, id.schema, "table" in id ? id.table : "name" in id ? id.name : "");
  };
  const outside = new Set(base.facts().flatMap((fact) => (isOutside(fact.id) ? [encodeId(fact.id)] : [])));
  // Building a base hashes every fact: a large schema is not built again for nothing.
  if (outside.size === 0) return base;
  return keepOnly(base, (fact) => !hasAncestor(base, fact, outside));
}

function isExcludedTable(tables: readonly RelationName[], schema: string, name: string): boolean {
  return tables.some((table) => table.schema === schema && table.name === name);
}

function sequenceOwner(fact: Fact): { schema: string; table: string } | undefined {
  const owner = fact.id.kind === "sequence" ? fact.payload["ownedBy"] : undefined;
  if (owner === null || typeof owner !== "object" || Array.isArray(owner)) return undefined;
  const { schema, table } = owner;
  return typeof schema === "string" && typeof table === "string" ? { schema, table } : undefined;
}

function hasAncestor(base: FactBase, fact: Fact, among: ReadonlySet<string>): boolean {
  for (let current: Fact | undefined = fact; current !== undefined;) {
    if (among.has(encodeId(current.id))) return true;
    current = current.parent === undefined ? undefined : base.get(current.parent);
  }
  return false;
}

function keepOnly(base: FactBase, isKept: (fact: Fact) => boolean): FactBase {
  return rebuild(base, base.facts().filter(isKept), base.edges);
}

/** Edges with a missing end are left out; diagnostics stay, because planning reads them. */
function rebuild(base: FactBase, facts: Fact[], edges: readonly DependencyEdge[]): FactBase {
  const present = new Set(facts.map((fact) => encodeId(fact.id)));
  const joined = edges.filter((edge) => present.has(encodeId(edge.from)) && present.has(encodeId(edge.to)));
  const built = buildFactBase(facts, joined, base.source);
  built.diagnostics.push(...base.diagnostics);
  return built;
}

export type Union = {
  desired: FactBase;
  kept: StableId[];
  conflicts: { kept: StableId; needs: StableId }[];
};

/**
 * Adds to the desired state the whole objects that only dev has, with everything that
 * hangs on them. With `drop`, only what is bound to dev's environment stays.
 */
export function withDevOnly(desired: FactBase, actual: FactBase, devOnly: "keep" | "drop"): Union {
  const roots = new Map<string, StableId>();
  const added = new Map<string, { fact: Fact; root: StableId }>();
  for (const fact of actual.facts()) {
    if (desired.has(fact.id) || fact.id.kind === "role" || fact.id.kind === "membership") continue;
    const root = devOnlyRoot(desired, actual, fact);
    if (devOnly === "drop" && !alwaysKept.has(root.id.kind)) continue;
    if (!isKeptWhole(desired, root)) continue;
    added.set(encodeId(fact.id), { fact, root: root.id });
    roots.set(encodeId(root.id), root.id);
  }
  const clusterWide = actual.facts().filter((fact) => fact.id.kind === "role" && !desired.has(fact.id));
  if (added.size === 0) return { desired, kept: [], conflicts: [] };
  const facts = [...desired.facts(), ...[...added.values()].map(({ fact }) => fact), ...clusterWide];
  const present = new Set(facts.map((fact) => encodeId(fact.id)));
  const conflicts = new Map<string, { kept: StableId; needs: StableId }>();
  const edges = actual.edges.filter((edge) => added.has(encodeId(edge.from)));
  for (const edge of edges) {
    const root = added.get(encodeId(edge.from))?.root;
    if (root === undefined || present.has(encodeId(edge.to))) continue;
    conflicts.set(`${encodeId(root)} ${encodeId(edge.to)}`, { kept: root, needs: edge.to });
  }
  const isOwned = (id: StableId): boolean => {
    const fact = actual.get(id);
    const owner = fact === undefined ? undefined : sequenceOwner(fact);
    return owner !== undefined && added.has(encodeId({ kind: "table", schema: owner.schema, name: owner.table }));
  };
  const kept = [...roots.values()].filter((id) => !isExtensionMember(actual, id) && !isOwned(id));
  return { desired: rebuild(desired, facts, [...desired.edges, ...edges]), kept, conflicts: [...conflicts.values()] };
}

function devOnlyRoot(desired: FactBase, actual: FactBase, fact: Fact): Fact {
  let root = fact;
  for (;;) {
    const parent = root.parent === undefined || desired.has(root.parent) ? undefined : actual.get(root.parent);
    if (parent === undefined) return root;
    root = parent;
  }
}

function isKeptWhole(desired: FactBase, root: Fact): boolean {
  const { id } = root;
  if (id.kind === "defaultPrivilege") return id.schema !== null && !desired.has({ kind: "schema", name: id.schema });
  if (!wholeKinds.has(id.kind)) return false;
  const owner = sequenceOwner(root);
  // The sequence of a serial column goes with its column.
  if (owner !== undefined && desired.has({ kind: "table", schema: owner.schema, name: owner.table })) return false;
  return !hasNamesake(desired, id);
}

/** A view of dev that is a table on prod is not dev's own: it stands in the way. */
function hasNamesake(desired: FactBase, id: StableId): boolean {
  if ("args" in id) {
    const { schema, name, args } = id;
    return routineKinds.some((kind) => desired.has({ kind, schema, name, args }));
  }
  const kind = namedTogether.find((candidate) => candidate === id.kind);
  if (kind === undefined || !("schema" in id) || !("name" in id) || id.schema === null) return false;
  const { schema, name } = id;
  return namedTogether.some((other) => desired.has({ kind: other, schema, name }));
}

function isExtensionMember(base: FactBase, id: StableId): boolean {
  return base.outgoingEdges(id).some((edge) => edge.kind === "memberOfExtension");
}

export type EnvironmentBound = {
  desired: FactBase;
  absent: StableId[];
  unreachable: { object: StableId; needs: StableId }[];
};

/** Leaves servers, mappings, subscriptions and foreign options as dev has them; what dev lacks is left out and named. */
export function withEnvironmentOf(desired: FactBase, actual: FactBase): EnvironmentBound {
  const isAffected = ({ id }: Fact): boolean => environmentBoundKinds.has(id.kind) || optionKinds.has(id.kind);
  if (!desired.facts().some(isAffected)) return { desired, absent: [], unreachable: [] };
  const absentKeys = new Set<string>();
  const absent: StableId[] = [];
  const facts = desired.facts().map((fact) => {
    const isBound = environmentBoundKinds.has(fact.id.kind);
    if (!isBound && !optionKinds.has(fact.id.kind)) return fact;
    const own = actual.get(fact.id);
    if (own === undefined) {
      if (!isBound) return withOptions(fact, ownSecrets(fact, undefined));
      absentKeys.add(encodeId(fact.id));
      absent.push(fact.id);
      return fact;
    }
    return withOptions(fact, isBound ? listOptions(own) : ownSecrets(fact, own));
  });
  const base = rebuild(desired, facts, desired.edges);
  if (absent.length === 0) return { desired: base, absent, unreachable: [] };
  const isLost = (fact: Fact): boolean => hasAncestor(base, fact, absentKeys);
  const unreachable = base.edges.flatMap((edge) => {
    const [from, to] = [base.get(edge.from), base.get(edge.to)];
    if (edge.kind !== "depends" || from === undefined || to === undefined) return [];
    return isLost(to) && !isLost(from) ? [{ object: edge.from, needs: edge.to }] : [];
  });
  const lostTables = base
    .facts()
    .filter((fact) => fact.id.kind === "foreignTable" && isLost(fact))
    .map((fact) => ({ object: fact.id, needs: fact.parent ?? fact.id }));
  return { desired: keepOnly(base, (fact) => !isLost(fact)), absent, unreachable: [...lostTables, ...unreachable] };
}

function listOptions(fact: Fact): string[] {
  const options = fact.payload["options"];
  return Array.isArray(options) ? options.filter((option) => typeof option === "string") : [];
}

function withOptions(fact: Fact, options: string[]): Fact {
  return "options" in fact.payload ? { ...fact, payload: { ...fact.payload, options } } : fact;
}

/** The library writes `__OPTION_KEY__` for a value it does not show: dev keeps its own, or has none. */
function ownSecrets(fact: Fact, own: Fact | undefined): string[] {
  const isHidden = (option: string): boolean => /^[^=]*=__OPTION_.*__$/.test(option);
  const keyOf = (option: string): string => option.split("=")[0] ?? "";
  const hidden = new Set(listOptions(fact).filter(isHidden).map(keyOf));
  const kept = own === undefined ? [] : listOptions(own).filter((option) => hidden.has(keyOf(option)));
  return [...listOptions(fact).filter((option) => !isHidden(option)), ...kept].toSorted();
}

/** Roles that the desired state names and dev's server lacks. */
export function listMissingRoles(desired: FactBase, actual: FactBase): string[] {
  const named = new Set<string>();
  for (const edge of desired.edges) if (edge.to.kind === "role") named.add(edge.to.name);
  for (const { id, payload } of desired.facts()) {
    if (id.kind === "acl" || id.kind === "defaultPrivilege") named.add(id.grantee);
    if (id.kind === "defaultPrivilege") named.add(id.role);
    const roles = id.kind === "policy" ? payload["roles"] : [];
    if (Array.isArray(roles)) for (const role of roles) if (typeof role === "string") named.add(role);
  }
  return [...named]
    .filter((name) => name !== "PUBLIC" && !name.startsWith("pg_") && !actual.has({ kind: "role", name }))
    .toSorted();
}
