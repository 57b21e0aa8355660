/**
 * HERMES: messages for people.
 *
 * Domains append events; those with a notice become notifications here, by the
 * rules of the configuration, and so does what `POST /notify` brings. A
 * notification has a delivery for each channel: a row of the outbox, written in
 * the same transaction, so that nothing that was said is lost.
 *
 * - Delivery is at least once. The delivery's id goes with every attempt: a message
 *   that arrives twice, because its sender was killed between sending and noting
 *   it, can be told.
 * - What the other side refuses for good is dead: visible, and sent again only when
 *   somebody says so. Everything else is tried for a day, more and more rarely.
 * - A channel whose secret does not open, or is refused, is blocked: its messages wait.
 * - Equal messages of one hour are counted, not repeated, unless they turn worse.
 *
 * Nobody calls this domain: it reads events. It does not promise an order.
 */
import { createHash } from "node:crypto";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { Event, Notice } from "#events/schema.ts";
import { type Db, transaction } from "#store/database.ts";

import {
  addRepeat,
  type Dedupe,
  deleteBlocks,
  deleteUnsent,
  endRepeats,
  countByChannel,
  findNotification,
  insertDelivery,
  insertNotification,
  listDeliveries,
  listHolds,
  reviveDeliveries,
} from "./queries.ts";
import { listChannels } from "./channels/all.ts";
import { chooseAddressed, chooseChannels, chooseInstant } from "./routing.ts";
import type { ChannelStatus, Delivery, Notification, NotifyAnswer, NotifyRequest } from "./schema.ts";

const repeatWithinMs = 60 * 60 * 1000;

/** Makes notifications of the events that people are told of, in the transaction that moves the feed's cursor. */
export async function takeEvents(tx: Db, app: Pick<App, "config" | "now">, events: readonly Event[]): Promise<void> {
  for (const event of events) await takeEvent(tx, app, event);
}

async function takeEvent(tx: Db, app: Pick<App, "config" | "now">, event: Event): Promise<void> {
  const { notice } = event;
  if (notice === undefined) return;
  const dedupe = describeRepeat(event, notice);
  await endRepeats(tx, dedupe);
  // Not through the channel that it says is broken.
  const broken = /^notifications\.(delivery|channel)$/.test(event.action) ? event.details["channel"] : undefined;
  const channels = chooseChannels(app.config, { severity: notice.severity, section: notice.section }).filter(
    (channel) => channel !== broken,
  );
  if (channels.length === 0) return;
  const now = app.now();
  const since = new Date(now.getTime() - repeatWithinMs).toISOString();
  if ((await addRepeat(tx, dedupe, since)) !== undefined) return;
  await insertMessage(tx, app, channels, {
    severity: notice.severity,
    title: notice.title === "" && notice.text === "" ? `${event.action}: ${event.outcome}` : notice.title,
    text: notice.text,
    section: notice.section,
    eventPosition: event.position,
    dedupe,
    actor: event.actor,
    createdAt: now.toISOString(),
  });
}

function describeRepeat(event: Event, { severity, title, text }: Notice): Dedupe {
  const said = JSON.stringify([event.outcome, event.environment, severity, title, text]);
  return { key: `${event.action}\n${event.target}`, digest: createHash("sha256").update(said).digest("hex") };
}

/** Puts a message into the outbox, and answers when it is there to stay. `not_found` when nothing can take it. */
export async function notify(
  app: Pick<App, "db" | "config" | "now" | "keys">,
  request: NotifyRequest,
  actor: string,
): Promise<NotifyAnswer> {
  const channels = chooseAddressed(app.config, request.channel);
  const severity = request.priority === "urgent" ? "high" : request.priority;
  const inserted = await transaction(app.db, (tx) =>
    insertMessage(tx, app, channels, {
      severity,
      title: cleanText(request.title),
      text: cleanText(request.message),
      section: undefined,
      eventPosition: undefined,
      dedupe: undefined,
      actor,
      createdAt: app.now().toISOString(),
    }),
  );
  if (inserted === undefined) throw new AppError("internal", "a message without an event was taken for a known one");
  return { id: inserted.id, status: "accepted", channels };
}

/**
 * Sends dead deliveries again, of one notification or of all, and tries blocked
 * channels at once; answers the deliveries that wait now.
 */
export async function resend(
  app: Pick<App, "db" | "keys" | "now">,
  notificationId: string | undefined,
  actor: string,
): Promise<Delivery[]> {
  if (notificationId !== undefined && (await findNotification(app.db, notificationId)) === undefined) {
    throw new AppError("not_found", `there is no notification ${notificationId}`, {
      hint: "See which there are: leveredge notifications list --only dead",
    });
  }
  return transaction(app.db, async (tx) => {
    const revived = await reviveDeliveries(tx, { notificationId, now: app.now().toISOString() });
    await deleteBlocks(tx);
    if (revived.length > 0) {
      await appendEvent(tx, app.keys, {
        actor,
        action: "notifications.resend",
        target: nameTarget(notificationId),
        outcome: "waiting",
        details: { deliveries: revived.map(({ id, channel }) => ({ id, channel })) },
      });
    }
    return revived;
  });
}

/** What is given up: all that is dead, what is dead of one notification, or what is left for a channel that is gone. */
export type Unsent = { state: "dead"; notificationId?: string } | { channel: string };

/**
 * Takes deliveries out that nobody wants any more, and answers them; the event is
 * what stays. `conflict` when the channel is configured: its messages are on their way.
 */
export async function dropUnsent(
  app: Pick<App, "db" | "keys" | "config">,
  unsent: Unsent,
  actor: string,
): Promise<Delivery[]> {
  const which = { state: undefined, channel: undefined, notificationId: undefined, ...unsent };
  const { channel, notificationId } = which;
  const configured: string[] = listChannels(app.config.notifications?.channels ?? {});
  if (channel !== undefined && configured.includes(channel)) {
    throw new AppError("conflict", `channel ${channel} is configured, and its messages are on their way`, {
      hint: "Take it out of leveredge.yaml first, or drop what is dead: leveredge notifications drop --all-dead",
    });
  }
  return transaction(app.db, async (tx) => {
    const dropped = await deleteUnsent(tx, which);
    if (channel !== undefined) await deleteBlocks(tx);
    if (dropped.length > 0) {
      await appendEvent(tx, app.keys, {
        actor,
        action: "notifications.drop",
        target: channel === undefined ? nameTarget(notificationId) : `channel ${channel}`,
        outcome: "dropped",
        details: {
          deliveries: dropped.map((row) => ({
            id: row.id,
            notificationId: row.notificationId,
            channel: row.channel,
            state: row.state,
            error: row.lastError,
          })),
        },
      });
    }
    return dropped;
  });
}

/** A notification with its deliveries; `not_found` names the id. */
export async function showNotification(
  app: Pick<App, "db">,
  id: string,
): Promise<Notification & { deliveries: Delivery[] }> {
  const notification = await findNotification(app.db, id);
  if (notification === undefined) throw new AppError("not_found", `there is no notification ${id}`);
  return { ...notification, deliveries: await listDeliveries(app.db, [id]) };
}

/** Every configured channel, and every other that still has something to send. */
export async function describeChannels(app: Pick<App, "db" | "config" | "now">): Promise<ChannelStatus[]> {
  const configured: string[] = listChannels(app.config.notifications?.channels ?? {});
  const counts = await countByChannel(app.db);
  const holds = (await listHolds(app.db)).filter(
    ({ kind, until }) => kind === "blocked" || Date.parse(until) > app.now().getTime(),
  );
  const names = [...new Set([...configured, ...counts.map(({ channel }) => channel)])];
  return names.map((channel) => {
    const count = counts.find((row) => row.channel === channel);
    const hold = holds.find((row) => row.channel === channel);
    return {
      channel,
      configured: configured.includes(channel),
      waiting: count?.waiting ?? 0,
      dead: count?.dead ?? 0,
      oldestWaitingAt: count?.oldestWaitingAt ?? null,
      hold: hold === undefined ? null : { kind: hold.kind, until: hold.until, why: hold.why },
    };
  });
}

function nameTarget(notificationId: string | undefined): string {
  return notificationId === undefined ? "all dead deliveries" : `notification ${notificationId}`;
}

/** PostgreSQL stores no NUL and no half of a surrogate pair. */
function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

async function insertMessage(
  tx: Db,
  app: Pick<App, "config">,
  channels: readonly string[],
  message: Parameters<typeof insertNotification>[1],
): Promise<{ id: string } | undefined> {
  const inserted = await insertNotification(tx, message);
  // Taken before: the cursor was set back, as a restored store does.
  if (inserted === undefined) return undefined;
  const at = chooseInstant(app.config, message.severity, new Date(message.createdAt)).toISOString();
  for (const channel of channels) {
    const row = { notificationId: inserted.id, channel, nextAttemptAt: at, createdAt: message.createdAt };
    await insertDelivery(tx, row);
  }
  return inserted;
}
