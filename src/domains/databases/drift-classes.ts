/**
 * The class of a difference in a few words, for counting drift by class:
 * `column missing`, `index invalid`, `grant differs`.
 */
import type { CatalogDifference } from "./catalog-comparison.ts";

/** Attributes whose difference has a name of its own; by `kind attribute`. */
const classOfAttribute: Readonly<Record<string, string>> = {
  "column default": "column default differs",
  "column generated": "generated column differs",
  "column generatedKind": "generated column differs",
  "column identity": "column identity differs",
  "column notNull": "column nullability differs",
  "constraint triggers": "foreign key not enforced",
  "constraint validated": "constraint not validated",
  "domain constraint validated": "domain constraint not validated",
  "event trigger enabled": "event trigger state differs",
  "foreign table serverOptions": "foreign table options differ",
  "function securityDefiner": "function security differs",
  "index clustered": "cluster index differs",
  "index index": "index definition differs",
  "index partOf": "index not attached",
  "index valid": "index invalid",
  "rule enabled": "rule state differs",
  "table inherits": "inheritance differs",
  "table partitionBound": "partition bound differs",
  "table rowSecurity": "row security differs",
  "table rowSecurityForced": "row security differs",
  "trigger enabled": "trigger state differs",
};

/** Attributes that follow from another one, which names the class. */
const consequences = new Set(["constraint", "deferred", "noInherit", "maximum", "minimum", "compression"]);

/** A grant is its privileges, a comment its text: the attribute adds nothing. */
const kindsOfOneAspect = new Set([
  "comment",
  "constraint",
  "default privilege",
  "domain constraint",
  "grant",
  "rule",
  "security label",
  "statistics",
  "system grant",
  "trigger",
]);

const plurals = new Set([
  "arguments",
  "columns",
  "functions",
  "labels",
  "mappings",
  "operators",
  "options",
  "roles",
  "rows",
  "serverOptions",
  "settings",
  "statistics",
  "tags",
  "toastOptions",
  "transforms",
]);

/** Equal words for differences of one sort, whatever object they are about. */
export function classify({ kind, change, attributes }: CatalogDifference): string {
  if (change !== "different") return `${kind} ${change}`;
  const causes = attributes.filter((attribute) => !consequences.has(attribute));
  const [only, ...others] = causes.length === 0 ? attributes : causes;
  const named = attributes
    .map((attribute) => classOfAttribute[`${kind} ${attribute}`])
    .find((name) => name !== undefined);
  if (named !== undefined) return named;
  if (only === undefined || others.length > 0 || kindsOfOneAspect.has(kind)) return `${kind} differs`;
  return `${kind} ${words(only)} ${plurals.has(only) ? "differ" : "differs"}`;
}

/** `toastOptions` as `toast options`. */
function words(attribute: string): string {
  return attribute.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
