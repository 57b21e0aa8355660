/** The proof of a mirror: both catalogues read and compared without the library that planned. */
import { type Catalog, catalogKey, readCatalog } from "./catalog.ts";
import { type CatalogDifference, compareCatalogs } from "./catalog-comparison.ts";
import { type Desired, type Ends, mirrorScope } from "./desired.ts";
import { classify } from "./drift-classes.ts";
import { findEndpoints } from "./endpoints.ts";
import type { MirrorSpec, MirrorWork } from "./mirror.ts";
import { listPlatformKeys } from "./platform.ts";
import type { MirrorFinding, MirrorVerdict } from "./schema.ts";

const executedKinds = new Set([
  "function",
  "procedure",
  "trigger",
  "view",
  "materialized view",
  "rule",
  "policy",
  "event trigger",
]);

export async function verifyEnds(
  spec: MirrorSpec,
  ends: Ends,
  desired: Desired,
  work: MirrorWork,
): Promise<MirrorVerdict> {
  const needs = [...desired.needs, ...desired.refusals.map(({ text, subjects }) => [text, ...subjects].join("; "))];
  if (needs.length > 0) return { ...unknownVerdict, pending: desired.pending, needs };
  work.progress(`proving that ${spec.to.label} equals ${desired.words}`);
  const scope = { excludeTables: mirrorScope(spec).tables };
  const wanted = await readCatalog(desired.client, scope);
  const found = await readCatalog(ends.dev, scope);
  const comparison = compareCatalogs(wanted, found, {
    devOnly: spec.devOnly,
    desired: desired.kind,
    labels: { desired: spec.from.label, actual: spec.to.label },
  });
  const platform = new Set([...listPlatformKeys(wanted), ...listPlatformKeys(found)]);
  const ofPlatform = comparison.differences.filter((difference) => platform.has(catalogKey(difference)));
  const differences = comparison.differences.filter((difference) => !platform.has(catalogKey(difference)));
  return {
    equal: differences.length === 0,
    objects: comparison.objectCount,
    desiredDigest: comparison.desiredDigest,
    actualDigest: comparison.actualDigest,
    differences: differences.map((difference) => ({
      kind: difference.kind,
      identity: difference.identity,
      class: classify(difference),
    })),
    kept: comparison.devOnly.filter(({ whole }) => whole).map(catalogKey),
    pending: desired.pending,
    findings: [
      ...comparison.findings,
      ...describePlatform(spec, ofPlatform),
      ...findSharedEndpoints(spec, wanted, found),
    ],
    needs: [],
  };
}

const unknownVerdict: MirrorVerdict = {
  equal: false,
  objects: 0,
  desiredDigest: "",
  actualDigest: "",
  differences: [],
  kept: [],
  pending: [],
  findings: [],
  needs: [],
};

function describePlatform(spec: MirrorSpec, differences: readonly CatalogDifference[]): MirrorFinding[] {
  if (differences.length === 0) return [];
  const [first] = differences;
  return [
    {
      id: "mirror.platform",
      severity: "low",
      text: `${differences.length} objects of Supabase's own schemas differ, first: ${first === undefined ? "" : catalogKey(first)}`,
      remedy: `upgrade the project of ${spec.to.label} to the version of ${spec.from.label}`,
    },
  ];
}

/** What runs on dev and reaches what prod reaches, because its text is prod's. */
function findSharedEndpoints(spec: MirrorSpec, wanted: Catalog, found: Catalog): MirrorFinding[] {
  const onDev = new Map(found.objects.map((object) => [catalogKey(object), object.definition]));
  return wanted.objects
    .filter((object) => executedKinds.has(object.kind) && onDev.get(catalogKey(object)) === object.definition)
    .flatMap((object) => {
      const endpoints = findEndpoints(object.definition);
      if (endpoints.length === 0) return [];
      return [
        {
          id: `mirror.endpoint.${catalogKey(object)}`,
          severity: "medium" as const,
          text: `${catalogKey(object)} on ${spec.to.label} holds ${endpoints.join(", ")}, as on ${spec.from.label}`,
          remedy: "read the address from a setting or a table that differs between the environments",
        },
      ];
    });
}
