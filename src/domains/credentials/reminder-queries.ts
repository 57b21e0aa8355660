/** SQL of reminders: what people were told of, and what they are to be told of now. */
import { sql } from "kysely";
import { z } from "zod";

import { type Db, many } from "#store/database.ts";

import { Environment } from "./schema.ts";

/** A reminder that is due now and was not given. */
export const DueReminder = z.object({
  credentialId: z.int(),
  credentialName: z.string(),
  provider: z.string(),
  environment: Environment,
  kind: z.enum(["expiry", "rotation"]),
  /** The day in UTC: `2027-01-31`. */
  dueOn: z.string(),
  daysBefore: z.int(),
  isPast: z.boolean(),
});
export type DueReminder = z.output<typeof DueReminder>;

/**
 * Marks every reminder that is due by the database's clock, and answers for each
 * credential the nearest of those that were not marked before: after a pause one is
 * told and not five. A date that moved by a day at most is the same date. What is
 * proved dead is told of as dead.
 */
export function takeDueReminders(tx: Db, daysBefore: readonly number[]): Promise<DueReminder[]> {
  return many(
    tx,
    DueReminder,
    sql`
    with living as (
      select id, expires_at, value_changed_at + make_interval(days => rotation_reminder_days) as rotate_at
      from aegis_credentials
      where version > 0 and validation_status not in ('invalid', 'expired', 'revoked')
    ), due as (
      select l.id, 'expiry' as kind, l.expires_at as due_at, d.days
      from living l
      cross join unnest(${daysBefore}::integer[]) as d (days)
      where l.expires_at is not null and now() >= l.expires_at - make_interval(days => d.days)
      union all
      select id, 'rotation', rotate_at, 0 from living where now() >= rotate_at
    ), dated as (
      select id, kind, (due_at at time zone 'UTC')::date as due_on, days, due_at <= now() as is_past from due
    ), marked as (
      insert into aegis_credential_reminder (credential_id, kind, due_on, days_before)
      select d.id, d.kind, d.due_on, d.days
      from dated d
      where not exists (
        select from aegis_credential_reminder r
        where r.credential_id = d.id and r.kind = d.kind and r.days_before = d.days
          and r.due_on between d.due_on - 1 and d.due_on + 1
      )
      on conflict do nothing
      returning credential_id, kind, due_on, days_before
    )
    select distinct on (m.credential_id, m.kind)
      m.credential_id, c.credential_name, c.provider, c.environment, m.kind, m.due_on::text as due_on, m.days_before,
      d.is_past
    from marked m
    join dated d on d.id = m.credential_id and d.kind = m.kind and d.days = m.days_before
    join aegis_credentials c on c.id = m.credential_id
    order by m.credential_id, m.kind, m.days_before`,
  );
}
