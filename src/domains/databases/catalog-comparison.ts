/**
 * What two catalogues have to say to each other: differences, which a mirror
 * must make go away; objects only the target has, which it may keep; and
 * findings, which differ by design and only need to be known.
 */
import type { LooseEnd } from "#domain.ts";

import { type Catalog, type CatalogObject, catalogKey, digestCatalog, majorOf } from "./catalog.ts";
import { type ContextDifference, describeContext, type Labels } from "./catalog-findings.ts";

export type CatalogDifference = {
  kind: string;
  identity: string;
  change: "missing" | "extra" | "different";
  /** Names of the attributes that differ; empty unless `different`. Safe to show and store. */
  attributes: string[];
  /** Definitions; they may quote what the operator wrote. */
  desired?: string;
  actual?: string;
};

export type CatalogComparison = {
  differences: CatalogDifference[];
  /** Whole objects that only the actual side has, with everything that hangs on them. */
  devOnly: CatalogObject[];
  findings: LooseEnd[];
  /** Over what was compared: equal exactly when there are no differences. */
  desiredDigest: string;
  actualDigest: string;
  /** Objects compared on the desired side. */
  objectCount: number;
};

export type ComparisonOptions = {
  /** `drop`: an object that only the actual side has is a difference. Default `keep`. */
  devOnly?: "keep" | "drop";
  /** A throw-away database has no settings, jobs or versions worth a finding. Default `live`. */
  desired?: "live" | "throw-away";
  /** What findings call the two; default `the source` and `the target`. */
  labels?: Labels;
};

/** Kinds that belong to one environment as a whole: they are compared, and never made equal. */
const environmentKinds = new Set(["cron job", "database", "database setting", "subscription", "user mapping"]);

/**
 * Compares by kind and identity. Text is exact between servers of one major
 * version; between two, deparsed expressions may be worded differently, and
 * named NOT NULL constraints (new in 18) are left out.
 */
export function compareCatalogs(desired: Catalog, actual: Catalog, options: ComparisonOptions = {}): CatalogComparison {
  const labels = options.labels ?? { desired: "the source", actual: "the target" };
  const sameMajor = majorOf(desired.serverVersion) === majorOf(actual.serverVersion);
  const wanted = byKey(desired.objects);
  const found = byKey(actual.objects);
  const invalid = desired.objects.filter(isInvalidIndex);
  const absentServers = desired.objects.filter((object) => isServer(object) && !found.has(catalogKey(object)));
  const leftOut = withHanging(desired.objects, [...invalid, ...absentServers]);
  const isCompared = (object: CatalogObject): boolean =>
    !environmentKinds.has(object.kind) &&
    (sameMajor || object.kind !== "not null constraint") &&
    !leftOut.has(catalogKey(object));
  const devOnly = options.devOnly === "drop" ? new Set<CatalogObject>() : findDevOnly(wanted, found);

  const left = desired.objects.filter(isCompared);
  const right = actual.objects.filter((object) => isCompared(object) && !devOnly.has(object));
  return {
    differences: [
      ...left.flatMap((object) => compareObject(object, found.get(catalogKey(object)))),
      ...right.filter((object) => !wanted.has(catalogKey(object))).map(describeExtra),
    ],
    devOnly: [...devOnly],
    findings: [
      ...describeServers(desired, actual),
      ...invalid.map((index) => describeInvalid(catalogKey(index), labels)),
      ...absentServers.map(({ kind, identity }) => describeContext({ kind, identity, change: "missing" }, labels)),
      ...(options.desired === "throw-away"
        ? []
        : compareContexts(wanted, found).map((difference) => describeContext(difference, labels))),
    ],
    desiredDigest: digestCatalog(left),
    actualDigest: digestCatalog(right),
    objectCount: left.length,
  };
}

/** One line without definitions: `column public.orders.total differs in storage`. */
export function describeDifference({ kind, identity, change, attributes }: CatalogDifference): string {
  const object = `${kind} ${identity}`;
  return change === "different" ? `${object} differs in ${attributes.join(", ")}` : `${object} is ${change}`;
}

function byKey(objects: readonly CatalogObject[]): Map<string, CatalogObject> {
  return new Map(objects.map((object) => [catalogKey(object), object]));
}

function findDevOnly(
  wanted: ReadonlyMap<string, CatalogObject>,
  found: ReadonlyMap<string, CatalogObject>,
): Set<CatalogObject> {
  const answers = new Map<string, boolean>();
  const isDevOnly = (key: string): boolean => {
    const known = answers.get(key);
    if (known !== undefined) return known;
    // Two objects may depend on each other: while one is asked, the other answers no.
    answers.set(key, false);
    const object = found.get(key);
    const answer = object !== undefined && !wanted.has(key) && (object.whole || object.parents.some(isDevOnly));
    answers.set(key, answer);
    return answer;
  };
  return new Set([...found].flatMap(([key, object]) => (isDevOnly(key) ? [object] : [])));
}

/** pg_dump leaves an invalid index out, and no mirror should copy one. */
function isInvalidIndex(object: CatalogObject): boolean {
  return object.kind === "index" && parse(object.definition)["valid"] === false;
}

/** An address of one environment is never copied to another. */
function isServer({ kind }: CatalogObject): boolean {
  return kind === "foreign server";
}

/** Keys of these objects and of what is granted or said on them. */
function withHanging(objects: readonly CatalogObject[], roots: readonly CatalogObject[]): Set<string> {
  const keys = new Set(roots.map(catalogKey));
  const hanging = objects.filter(
    ({ kind, parents }) => (kind === "grant" || kind === "comment") && parents.some((key) => keys.has(key)),
  );
  return new Set([...keys, ...hanging.map(catalogKey)]);
}

function compareObject(desired: CatalogObject, actual: CatalogObject | undefined): CatalogDifference[] {
  const { kind, identity } = desired;
  if (actual === undefined) {
    return [{ kind, identity, change: "missing", attributes: [], desired: desired.definition }];
  }
  if (desired.definition === actual.definition) return [];
  const attributes = changedAttributes(desired.definition, actual.definition);
  return [{ kind, identity, change: "different", attributes, desired: desired.definition, actual: actual.definition }];
}

function describeExtra({ kind, identity, definition }: CatalogObject): CatalogDifference {
  return { kind, identity, change: "extra", attributes: [], actual: definition };
}

function compareContexts(
  wanted: ReadonlyMap<string, CatalogObject>,
  found: ReadonlyMap<string, CatalogObject>,
): ContextDifference[] {
  const differences: ContextDifference[] = [];
  for (const [key, { kind, identity, context }] of wanted) {
    const other = found.get(key);
    if (other === undefined) {
      if (environmentKinds.has(kind)) differences.push({ kind, identity, change: "missing" });
    } else if (context !== other.context) {
      for (const attribute of changedAttributes(context, other.context)) {
        const before = parse(context)[attribute];
        const after = parse(other.context)[attribute];
        if (attribute === "columnOrder" && hasSameOrder(before, after)) continue;
        differences.push({ kind, identity, change: "different", attribute, desired: before, actual: after });
      }
    }
  }
  for (const [key, { kind, identity }] of found) {
    if (environmentKinds.has(kind) && !wanted.has(key)) differences.push({ kind, identity, change: "extra" });
  }
  return differences;
}

/** Columns that both have, in the same order: a missing column is a difference of its own. */
function hasSameOrder(desired: unknown, actual: unknown): boolean {
  if (!Array.isArray(desired) || !Array.isArray(actual)) return true;
  const common = desired.filter((name) => actual.includes(name));
  const other = actual.filter((name) => desired.includes(name));
  return JSON.stringify(common) === JSON.stringify(other);
}

function describeServers(desired: Catalog, actual: Catalog): LooseEnd[] {
  const majors = [majorOf(desired.serverVersion), majorOf(actual.serverVersion)];
  const findings: LooseEnd[] = [];
  if (majors[0] !== majors[1]) {
    findings.push({
      id: "catalog.server-version",
      severity: "medium",
      text: `the servers are PostgreSQL ${majors[0]} and ${majors[1]}: expressions may be worded differently, and named NOT NULL constraints are not compared`,
      remedy: "run both databases on one major version of PostgreSQL",
    });
  }
  for (const name of new Set([...desired.unread, ...actual.unread])) {
    findings.push({
      id: `catalog.unread.${name}`,
      severity: "low",
      text: `the ${name} could not be read by this role, so they are not compared`,
      remedy: "connect as a role that may read them",
    });
  }
  return findings;
}

function describeInvalid(key: string, { desired }: Labels): LooseEnd {
  return {
    id: `catalog.invalid.${key}`,
    severity: "high",
    text: `${key} is invalid on ${desired}: queries do not use it, and it is not mirrored`,
    remedy: `reindex or drop it on ${desired}, then mirror again`,
  };
}

function changedAttributes(left: string, right: string): string[] {
  const before = parse(left);
  const after = parse(right);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
}

function parse(json: string): Record<string, unknown> {
  // Definitions are made by jsonb_build_object: always an object.
  return JSON.parse(json) as Record<string, unknown>;
}
