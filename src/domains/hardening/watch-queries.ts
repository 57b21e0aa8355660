import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, run } from "#store/database.ts";

import { LooseEnd } from "./schema.ts";

const Known = z.object({ source: z.enum(["watch", "run"]), looseEnds: z.array(LooseEnd) });
export type Known = z.output<typeof Known>;

/** What the latest scheduled plan found loose, and what a run of all sections left open that ended after it. */
export function listKnown(db: Db, platform: string): Promise<Known[]> {
  return many(
    db,
    Known,
    sql`
      (select 'watch' as source, loose_ends from hardening_watch where platform = ${platform})
      union all
      (
        select 'run', loose_ends
        from hardening_run
        where platform = ${platform}
          and only_section is null
          and finished_at > coalesce((select planned_at from hardening_watch where platform = ${platform}), '-infinity')
        order by finished_at desc
        limit 1
      )`,
  );
}

export function updateWatch(
  db: Db,
  watch: { platform: string; looseEnds: readonly LooseEnd[]; now: Date },
): Promise<number> {
  return run(
    db,
    sql`
      insert into hardening_watch (platform, loose_ends, planned_at)
      values (${watch.platform}, ${JSON.stringify(watch.looseEnds)}::jsonb, ${watch.now})
      on conflict (platform) do update
      set loose_ends = excluded.loose_ends, planned_at = excluded.planned_at`,
  );
}
