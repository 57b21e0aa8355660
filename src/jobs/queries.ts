import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, one, run } from "#store/database.ts";

import { queueSchema } from "./queue-schema-queries.ts";
import { type JobProgress, JobRecord, JobState } from "./schema.ts";

const JobCount = z.object({ state: JobState, count: z.int() });

/** Of the library: one partitioned table for all queues. */
const jobTable = sql.id(queueSchema, "job");

/** Where jobs go whose last try failed; a copy each. */
export const deadQueue = "dead";

/** The library's key begins with the name of the queue. */
const ofLiveQueue = sql`job.name in (select name from ${sql.id(queueSchema, "queue")} where name <> ${deadQueue})`;

const stateNames = sql`
  case job.state
    when 'active' then 'running'
    when 'completed' then 'done'
    when 'failed' then 'failed'
    when 'cancelled' then 'cancelled'
    else 'waiting'
  end`;

/** A job that lost its worker has the library's own words, an object inside `value`. */
const jobColumns = sql`
  job.id, job.name, ${stateNames} as state,
  job.data ->> 'actor' as requested_by,
  case when job.started_on is null then 0 else job.retry_count + 1 end as attempts,
  job.created_on as created_at, job.started_on as started_at, job.completed_on as finished_at,
  case when job.state = 'active' then job.output -> 'progress' end as progress,
  case when job.state = 'completed' then coalesce(job.output, '{}') end as output,
  case when job.state in ('failed', 'retry') and job.output is not null then
    jsonb_build_object(
      'code', coalesce(job.output ->> 'code', 'internal'),
      'message', coalesce(job.output ->> 'message', job.output #>> '{value,message}', job.output ->> 'value', ''),
      'hint', job.output ->> 'hint'
    )
  end as error`;

/** The state of the library that ours stands for. */
const storedStates: Record<JobState, readonly string[]> = {
  waiting: ["created", "retry"],
  running: ["active"],
  done: ["completed"],
  failed: ["failed"],
  cancelled: ["cancelled"],
};

/** Whether a server has prepared the queue: without one there are no jobs. */
export async function hasQueue(db: Db): Promise<boolean> {
  const { found } = await one(
    db,
    z.object({ found: z.boolean() }),
    sql`select exists (select from pg_namespace where nspname = ${queueSchema}) as found`,
  );
  return found;
}

/** Undefined for an unknown id. */
export function findJob(db: Db, jobId: string): Promise<JobRecord | undefined> {
  return maybe(
    db,
    JobRecord,
    sql`select ${jobColumns} from ${jobTable} as job where ${ofLiveQueue} and job.id = ${jobId}`,
  );
}

/** The newest first, those made before `before`. */
export function listJobs(
  db: Db,
  page: { state: JobState | undefined; before: string | undefined; limit: number },
): Promise<JobRecord[]> {
  const ofState = page.state === undefined ? sql`` : sql`and job.state::text = any(${[...storedStates[page.state]]})`;
  const ofPage = page.before === undefined ? sql`` : sql`and job.created_on < ${page.before}`;
  return many(
    db,
    JobRecord,
    sql`
      select ${jobColumns}
      from ${jobTable} as job
      where job.name <> ${deadQueue} ${ofState} ${ofPage}
      order by job.created_on desc, job.id
      limit ${page.limit}`,
  );
}

/** How many there are in each state that has any; those that ended are counted as long as the queue keeps them. */
export function countJobs(db: Db): Promise<{ state: JobState; count: number }[]> {
  return many(
    db,
    JobCount,
    sql`
      select ${stateNames} as state, count(*)::int as count
      from ${jobTable} as job
      where job.name <> ${deadQueue}
      group by 1`,
  );
}

/** The job of this key that waits or runs. */
export async function findOpenJob(db: Db, name: string, key: string): Promise<string | undefined> {
  const found = await maybe(
    db,
    JobRecord.pick({ id: true }),
    sql`
      select id
      from ${jobTable} as job
      where job.name = ${name} and job.singleton_key = ${key} and job.state in ('created', 'retry', 'active')`,
  );
  return found?.id;
}

/** Kept while the job is active; its answer takes the place. */
export function updateJobProgress(db: Db, name: string, jobId: string, progress: JobProgress): Promise<number> {
  return run(
    db,
    sql`
      update ${jobTable} as job
      set output = ${json({ progress })}
      where job.name = ${name} and job.id = ${jobId} and job.state = 'active'`,
  );
}

/** A try that the server's stop ended is no try: one more is allowed. */
export function addJobRetry(db: Db, name: string, jobId: string): Promise<number> {
  return run(
    db,
    sql`
      update ${jobTable} as job
      set retry_limit = retry_limit + 1
      where job.name = ${name} and job.id = ${jobId} and job.state = 'active'`,
  );
}

/** Zero unless the job has failed. Throws a unique violation when its work waits or runs again already. */
export function updateJobToRetry(db: Db, jobId: string): Promise<number> {
  return run(
    db,
    sql`
      update ${jobTable} as job
      set state = 'retry', retry_limit = retry_count + 1, completed_on = null, start_after = now()
      where ${ofLiveQueue} and job.id = ${jobId} and job.state = 'failed'`,
  );
}

/** The copies that a failed job left in the queue of dead ones. */
export function deleteDeadCopies(db: Db, jobId: string): Promise<number> {
  return run(db, sql`delete from ${jobTable} as job where job.name = ${deadQueue} and job.source_id = ${jobId}`);
}

function json(value: unknown): RawBuilder<unknown> {
  return sql`${JSON.stringify(value)}::jsonb`;
}
