/** Every set at a glance: what lies in its directory, and what its last drill said. */
import { z } from "zod";

import type { App } from "#app.ts";

import { listLatestDrills } from "./queries.ts";
import { inspectSet, isStale } from "./sets.ts";
import { SetDrill } from "./schema.ts";

export const SetOverview = z.object({
  name: z.string(),
  environment: z.enum(["dev", "prod", "shared"]),
  directory: z.string(),
  pattern: z.string(),
  maxAge: z.string(),
  state: z.enum(["found", "missing", "unreadable"]),
  /** Why nothing was found; empty else. */
  why: z.string(),
  newest: z.object({ name: z.string(), sizeBytes: z.int(), dataAt: z.string(), hasManifest: z.boolean() }).nullable(),
  files: z.int(),
  totalBytes: z.int(),
  isStale: z.boolean(),
  lastDrill: SetDrill.nullable(),
});
export type SetOverview = z.output<typeof SetOverview>;

/** In the order of the configuration. Reads directories and the store. */
export async function describeSets(app: Pick<App, "config" | "db" | "now">): Promise<SetOverview[]> {
  const latest = new Map((await listLatestDrills(app.db)).map((drill) => [drill.setName, drill]));
  return Promise.all(
    app.config.backups.map(async (set) => {
      const found = await inspectSet(set);
      const newest = found.state === "found" ? found.newest : undefined;
      return {
        name: set.name,
        environment: set.environment,
        directory: set.directory,
        pattern: set.pattern,
        maxAge: set.max_age,
        state: found.state,
        why: found.state === "found" ? "" : found.why,
        newest:
          newest === undefined
            ? null
            : {
                name: newest.name,
                sizeBytes: newest.sizeBytes,
                dataAt: newest.dataAt,
                hasManifest: newest.manifestPath !== undefined,
              },
        files: found.state === "found" ? found.files : 0,
        totalBytes: found.state === "found" ? found.totalBytes : 0,
        isStale: newest !== undefined && isStale(set, newest.dataAt, app.now()),
        lastDrill: latest.get(set.name) ?? null,
      };
    }),
  );
}
