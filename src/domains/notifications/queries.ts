/** Every statement on notifications, deliveries and what holds a channel. Instants come from the caller's clock. */
import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, one, run } from "#store/database.ts";

import { ChannelHold, ClaimedDelivery, Delivery, type DeliveryState, Notification } from "./schema.ts";

const notificationColumns = sql`id, severity, section, title, text, repeats, actor, created_at`;
const deliveryColumns = sql`
  id, notification_id, channel, state, tries, next_attempt_at, last_error, remote_id, sent_at, created_at`;

/** What a message is about, and a digest of all it says. */
export type Dedupe = { key: string; digest: string };

export type NewNotification = Pick<Notification, "severity" | "title" | "text" | "actor" | "createdAt"> & {
  section: number | undefined;
  eventPosition: number | undefined;
  dedupe: Dedupe | undefined;
};

/** One of an event that was taken before is not written again. */
export function insertNotification(tx: Db, row: NewNotification): Promise<Notification | undefined> {
  return maybe(
    tx,
    Notification,
    sql`
      insert into notification (event_position, severity, section, title, text, dedupe_key, dedupe_digest, actor,
                                created_at)
      values (${row.eventPosition ?? null}, ${row.severity}, ${row.section ?? null}, ${row.title}, ${row.text},
              ${row.dedupe?.key ?? null}, ${row.dedupe?.digest ?? null}, ${row.actor}, ${row.createdAt}::timestamptz)
      on conflict (event_position) do nothing
      returning ${notificationColumns}`,
  );
}

/** Something else is said of that thing: what was said before is news again when it comes back. */
export function endRepeats(tx: Db, { key, digest }: Dedupe): Promise<number> {
  return run(
    tx,
    sql`
      update notification set dedupe_key = null
      where dedupe_key = ${key} and dedupe_digest <> ${digest}`,
  );
}

/** Counts one more onto an equal notification since then; undefined when there is none. */
export function addRepeat(tx: Db, { key, digest }: Dedupe, since: string): Promise<{ id: string } | undefined> {
  return maybe(
    tx,
    z.object({ id: z.uuid() }),
    sql`
      update notification set repeats = repeats + 1
      where id = (
        select id from notification
        where dedupe_key = ${key} and dedupe_digest = ${digest} and created_at > ${since}::timestamptz
        order by created_at desc
        limit 1
      )
      returning id`,
  );
}

export function insertDelivery(
  tx: Db,
  row: { notificationId: string; channel: string; nextAttemptAt: string; createdAt: string },
): Promise<number> {
  return run(
    tx,
    sql`
      insert into delivery (notification_id, channel, next_attempt_at, created_at)
      values (${row.notificationId}, ${row.channel}, ${row.nextAttemptAt}::timestamptz, ${row.createdAt}::timestamptz)
      on conflict (notification_id, channel) do nothing`,
  );
}

/** Takes the oldest due delivery of these severities, also one whose sender is gone; undefined when there is none or the channel is paused. */
export function claimDelivery(
  db: Db,
  wanted: { channel: string; severities: readonly string[]; now: string; leaseUntil: string },
): Promise<ClaimedDelivery | undefined> {
  return maybe(
    db,
    ClaimedDelivery,
    sql`
      with due as (
        select d.id
        from delivery d
        join notification n on n.id = d.notification_id
        where d.channel = ${wanted.channel}
          and n.severity = any(${wanted.severities}::text[])
          and (
            (d.state = 'waiting' and d.next_attempt_at <= ${wanted.now}::timestamptz)
            or (d.state = 'sending' and d.lease_until < ${wanted.now}::timestamptz)
          )
          and not exists (
            select from channel_hold h
            where h.channel = d.channel and h.kind = 'paused' and h.until > ${wanted.now}::timestamptz
          )
        order by d.created_at, d.id
        limit 1
        for update of d skip locked
      )
      update delivery d
      set state = 'sending', attempt = d.attempt + 1, tries = d.tries + 1,
          tried_since = coalesce(d.tried_since, ${wanted.now}::timestamptz),
          lease_until = ${wanted.leaseUntil}::timestamptz
      from due, notification n
      where d.id = due.id and n.id = d.notification_id
      returning d.id, d.attempt, d.tries, d.tried_since, d.sent_parts, n.severity, n.title, n.text, n.actor,
                n.created_at`,
  );
}

type Claim = { id: string; attempt: number };

/** Each of these changes nothing, and answers 0, when another sender took the delivery over. */
export function updateSentParts(
  db: Db,
  { id, attempt }: Claim,
  sentParts: number,
  leaseUntil: string,
): Promise<number> {
  return run(
    db,
    sql`
      update delivery set sent_parts = ${sentParts}, lease_until = ${leaseUntil}::timestamptz
      where id = ${id} and attempt = ${attempt} and state = 'sending'`,
  );
}

export function finishDelivery(
  db: Db,
  { id, attempt }: Claim,
  sent: { at: string; remoteId: string | undefined },
): Promise<number> {
  return run(
    db,
    sql`
      update delivery
      set state = 'sent', sent_at = ${sent.at}::timestamptz, remote_id = ${sent.remoteId ?? null}, lease_until = null,
          last_error = null
      where id = ${id} and attempt = ${attempt} and state = 'sending'`,
  );
}

export function postponeDelivery(
  db: Db,
  { id, attempt }: Claim,
  next: { at: string; why: string; countsAsTry: boolean },
): Promise<number> {
  return run(
    db,
    sql`
      update delivery
      set state = 'waiting', next_attempt_at = ${next.at}::timestamptz, last_error = ${next.why}, lease_until = null,
          tries = tries - ${next.countsAsTry ? 0 : 1},
          tried_since = case when ${next.countsAsTry} then tried_since end
      where id = ${id} and attempt = ${attempt} and state = 'sending'`,
  );
}

export function buryDelivery(db: Db, { id, attempt }: Claim, why: string): Promise<number> {
  return run(
    db,
    sql`
      update delivery set state = 'dead', last_error = ${why}, lease_until = null
      where id = ${id} and attempt = ${attempt} and state = 'sending'`,
  );
}

/** Puts dead deliveries back, of one notification or all; the ids stay, so that a message that had arrived can be told. */
export function reviveDeliveries(
  db: Db,
  which: { notificationId: string | undefined; now: string },
): Promise<Delivery[]> {
  return many(
    db,
    Delivery,
    sql`
      update delivery
      set state = 'waiting', tries = 0, tried_since = null, next_attempt_at = ${which.now}::timestamptz
      where state = 'dead' and (${which.notificationId ?? null}::uuid is null or notification_id = ${which.notificationId ?? null}::uuid)
      returning ${deliveryColumns}`,
  );
}

export function findNotification(db: Db, id: string): Promise<Notification | undefined> {
  return maybe(db, Notification, sql`select ${notificationColumns} from notification where id = ${id}`);
}

/** Takes out what is dead, or what waits for a channel: of one notification or all. What is on its way stays. */
export function deleteUnsent(
  db: Db,
  which: { state: "dead" | undefined; channel: string | undefined; notificationId: string | undefined },
): Promise<Delivery[]> {
  const { state = null, channel = null, notificationId = null } = which;
  return many(
    db,
    Delivery,
    sql`
      delete from delivery
      where state in ('waiting', 'dead')
        and (${state}::text is null or state = ${state})
        and (${channel}::text is null or channel = ${channel})
        and (${notificationId}::uuid is null or notification_id = ${notificationId}::uuid)
      returning ${deliveryColumns}`,
  );
}

/** The newest first, those behind the notification `before`; with a state, those that have a delivery in it. */
export function listNotifications(
  db: Db,
  page: { state: DeliveryState | undefined; before: string | undefined; limit: number },
): Promise<Notification[]> {
  return many(
    db,
    Notification,
    sql`
      select ${notificationColumns}
      from notification n
      where (${page.state ?? null}::text is null
             or exists (select from delivery d where d.notification_id = n.id and d.state = ${page.state ?? null}))
        and (${page.before ?? null}::uuid is null
             or (created_at, id) < (select b.created_at, b.id from notification b where b.id = ${page.before ?? null}::uuid))
      order by created_at desc, id desc
      limit ${page.limit}`,
  );
}

export function listDeliveries(db: Db, notificationIds: readonly string[]): Promise<Delivery[]> {
  return many(
    db,
    Delivery,
    sql`
      select ${deliveryColumns} from delivery
      where notification_id = any(${notificationIds}::uuid[])
      order by created_at, channel`,
  );
}

/** Channels that have something to send, configured or not. */
export async function listDueChannels(db: Db, now: string): Promise<string[]> {
  const rows = await many(
    db,
    z.object({ channel: z.string() }),
    sql`
      select distinct channel from delivery
      where (state = 'waiting' and next_attempt_at <= ${now}::timestamptz)
         or (state = 'sending' and lease_until < ${now}::timestamptz)
      order by channel`,
  );
  return rows.map(({ channel }) => channel);
}

const ChannelCount = z.object({
  channel: z.string(),
  waiting: z.int(),
  dead: z.int(),
  oldestWaitingAt: z.iso.datetime().nullable(),
});

export function countByChannel(db: Db): Promise<z.output<typeof ChannelCount>[]> {
  return many(
    db,
    ChannelCount,
    sql`
      select channel,
             count(*) filter (where state <> 'dead')::int as waiting,
             count(*) filter (where state = 'dead')::int as dead,
             min(created_at) filter (where state <> 'dead') as oldest_waiting_at
      from delivery
      where state <> 'sent'
      group by channel
      order by channel`,
  );
}

export function listHolds(db: Db): Promise<ChannelHold[]> {
  return many(db, ChannelHold, sql`select channel, kind, until, why, since from channel_hold order by channel`);
}

export function upsertHold(db: Db, hold: ChannelHold): Promise<ChannelHold> {
  return one(
    db,
    ChannelHold,
    sql`
      insert into channel_hold (channel, kind, until, why, since)
      values (${hold.channel}, ${hold.kind}, ${hold.until}::timestamptz, ${hold.why}, ${hold.since}::timestamptz)
      on conflict (channel) do update
        set kind = excluded.kind, until = excluded.until, why = excluded.why,
            since = case when channel_hold.kind = excluded.kind then channel_hold.since else excluded.since end
      returning channel, kind, until, why, since`,
  );
}

/** The channel works again. Patience that was asked for is kept to its end, whoever got through meanwhile. */
export function deleteHold(db: Db, channel: string, now: string): Promise<number> {
  return run(
    db,
    sql`
      delete from channel_hold
      where channel = ${channel} and (kind = 'blocked' or until <= ${now}::timestamptz)`,
  );
}

/** Blocked channels are tried at once. */
export function deleteBlocks(db: Db): Promise<number> {
  return run(db, sql`delete from channel_hold where kind = 'blocked'`);
}

/** Forgets messages that are older and have nothing left to send or to decide about. */
export function deleteNotificationsBefore(db: Db, before: string): Promise<number> {
  return run(
    db,
    sql`
      delete from notification n
      where n.created_at < ${before}::timestamptz
        and not exists (select from delivery d where d.notification_id = n.id and d.state <> 'sent')`,
  );
}
