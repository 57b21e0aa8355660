/** SQL of backup drills in the store. */
import { sql } from "kysely";

import { type Db, many, maybe } from "#store/database.ts";

import { type NewSetDrill, SetDrill } from "./schema.ts";

const drillColumns = sql`
  id, set_name, environment, file, verdict, assurance, stale, why, restore_ms, verify_ms, data_at, file_sha256,
  requested_by, started_at, finished_at, evidence`;

/** Undefined when the same work has drilled this set already. */
export function insertDrill(db: Db, drill: NewSetDrill): Promise<SetDrill | undefined> {
  return maybe(
    db,
    SetDrill,
    sql`
    insert into backup_drill
      (set_name, environment, file, verdict, assurance, stale, why, restore_ms, verify_ms, data_at, file_sha256,
       work_id, requested_by, started_at, evidence)
    values
      (${drill.setName}, ${drill.environment}, ${drill.file}, ${drill.verdict}, ${drill.assurance}, ${drill.stale},
       ${drill.why}, ${drill.restoreMs}, ${drill.verifyMs}, ${drill.dataAt}, ${drill.fileSha256}, ${drill.workId},
       ${drill.requestedBy}, ${drill.startedAt}, ${JSON.stringify(drill.evidence)}::jsonb)
    on conflict (work_id, set_name) where work_id is not null do nothing
    returning ${drillColumns}`,
  );
}

/** The latest drill of each set. */
export function listLatestDrills(db: Db): Promise<SetDrill[]> {
  return many(
    db,
    SetDrill,
    sql`
    select distinct on (set_name) ${drillColumns}
    from backup_drill
    order by set_name, finished_at desc, id`,
  );
}

/** A set's drills, newest first. */
export function listDrillsOfSet(db: Db, setName: string, limit: number): Promise<SetDrill[]> {
  return many(
    db,
    SetDrill,
    sql`
    select ${drillColumns}
    from backup_drill
    where set_name = ${setName}
    order by finished_at desc, id
    limit ${limit}`,
  );
}

/** What a step of a run or a job has drilled so far. */
export function listDrillsOfWork(db: Db, workId: string): Promise<SetDrill[]> {
  return many(
    db,
    SetDrill,
    sql`
    select ${drillColumns}
    from backup_drill
    where work_id = ${workId}
    order by finished_at, id`,
  );
}
