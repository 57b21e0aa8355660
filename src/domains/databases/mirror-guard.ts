/**
 * The guard against the wrong direction: nothing is written to prod, nor to a
 * database that nobody said is dev.
 */
import { readEnvironmentMark } from "#store/migrator.ts";

import { identify, isSameDatabase } from "#postgres/connection.ts";
import { type Ends, mirrorScope } from "./desired.ts";
import { withEnds } from "./ends.ts";
import type { MirrorSpec } from "./mirror.ts";
import { isEmptyDatabase, sharesLocks } from "./mirror-queries.ts";
import type { Refusal } from "./schema.ts";

export type Direction = Pick<MirrorSpec, "from" | "to" | "migrations" | "markDev">;

/** Why the target must not be written, asked in sessions of its own; empty when it may. */
export function askDirection(spec: Direction, signal: AbortSignal): Promise<Refusal[]> {
  return withEnds(spec, signal, (ends) => guardDirection(spec, ends));
}

/** Why the target must not be written; empty when it may. */
export async function guardDirection(spec: Direction, { prod, dev }: Ends): Promise<Refusal[]> {
  const { table } = spec.migrations;
  const { from, to } = spec;
  if (isSameDatabase(await identify(prod), await identify(dev)) || (await sharesLocks(prod, dev))) {
    return [refuse(`${from.label} and ${to.label} are one database`, `give ${to.label} the URL of another database`)];
  }
  const [prodMark, devMark] = [await readEnvironmentMark(prod, table), await readEnvironmentMark(dev, table)];
  if (devMark === "prod") {
    return [
      refuse(
        `${to.label} is marked as prod in the comment of ${table.schema}.${table.name}`,
        `check the URL of ${to.label}: a mirror never writes prod`,
      ),
    ];
  }
  if (prodMark === "dev" && devMark !== "dev") {
    return [
      refuse(`${from.label} is marked as dev and ${to.label} is not: the direction is wrong`, "exchange the two URLs"),
    ];
  }
  if (spec.markDev || devMark === "dev") return [];
  if (await isEmptyDatabase(dev, mirrorScope(spec))) return [];
  return [
    refuse(
      `${to.label} is not empty and not marked as dev: it may be somebody's prod`,
      "when its schema may be overwritten, say so once: leveredge mirror apply --mark-dev",
    ),
  ];
}

function refuse(text: string, remedy: string): Refusal {
  return { hazard: null, text, subjects: [], remedy };
}
