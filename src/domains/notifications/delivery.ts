/**
 * Sending what is due. A delivery is claimed under a lease, sent outside any
 * transaction, then marked; whoever finds a lease that is over sends again with
 * the same id. Channels are served beside each other: one that is down delays
 * nobody else.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { createOutbound, type Outbound } from "#outbound/outbound.ts";
import { transaction } from "#store/database.ts";

import { type ChannelName, listChannels, openChannel } from "./channels/all.ts";
import type { Sender, SendResult } from "./channels/channel.ts";
import { openHermes, probeHermes } from "./hermes.ts";
import {
  buryDelivery,
  claimDelivery,
  deleteHold,
  finishDelivery,
  listDueChannels,
  listHolds,
  postponeDelivery,
  updateSentParts,
  upsertHold,
} from "./queries.ts";
import type { ClaimedDelivery } from "./schema.ts";

const leaseMs = 2 * 60_000;
const shortestDelayMs = 2_000;
const longestDelayMs = 60 * 60_000;
const giveUpAfterMs = 24 * 60 * 60_000;
const blockedRetryMs = 15_000;

type Options = {
  signal: AbortSignal;
  /** Where a HERMES may answer. Default 8014. */
  hermesPort?: number;
};

/** Sends what is due, each channel until it fails or has nothing left. Never throws for what the outside does. */
export async function deliverDue(app: App, options: Options): Promise<void> {
  const due = await listDueChannels(app.db, app.now().toISOString());
  if (due.length === 0) return;
  const outbound = createOutbound({ outside: app.config.outside, userAgent: `leveredge/${app.programVersion}` });
  try {
    const isForeign =
      app.config.notifications?.listen === true && (await probeHermes(options.hermesPort)) === "foreign";
    await Promise.all(
      due.map((channel) => serveChannel(app, channel, { ...options, outbound, throughHermes: isForeign })),
    );
  } finally {
    await outbound.close();
  }
}

type Service = Options & { outbound: Outbound; throughHermes: boolean };

async function serveChannel(app: App, channel: string, service: Service): Promise<void> {
  const sender = await openSender(app, channel, service);
  if (sender === undefined) return;
  while (!service.signal.aborted) {
    const now = app.now();
    const claimed = await claimDelivery(app.db, {
      channel,
      now: now.toISOString(),
      leaseUntil: new Date(now.getTime() + leaseMs).toISOString(),
    });
    if (claimed === undefined) return;
    const result = await send(app, sender, claimed, service.signal);
    await settle(app, channel, claimed, result, service.signal);
    // What is down stays down for the others that wait for it.
    if (result.state === "retry") return;
  }
}

/** Undefined when the channel is blocked: its messages wait, and it is said why. */
async function openSender(app: App, channel: string, service: Service): Promise<Sender | undefined> {
  if (service.throughHermes) return openHermes(channel, service.hermesPort);
  const hold = (await listHolds(app.db)).find((row) => row.channel === channel && row.kind === "blocked");
  if (hold !== undefined && Date.parse(hold.until) > app.now().getTime()) return undefined;
  const channels = app.config.notifications?.channels ?? {};
  const name = listChannels(channels).find((known: ChannelName) => known === channel);
  try {
    const sender =
      name === undefined
        ? undefined
        : await openChannel(name, channels, { outbound: service.outbound, openReference: app.openReference });
    if (sender === undefined) throw new AppError("not_found", `channel ${channel} is not configured`);
    if (hold !== undefined) await deleteHold(app.db, channel);
    return sender;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const now = app.now();
    await upsertHold(app.db, {
      channel,
      kind: "blocked",
      until: new Date(now.getTime() + blockedRetryMs).toISOString(),
      why: [error.message, error.hint].filter((part) => part !== undefined).join("; "),
      since: now.toISOString(),
    });
    return undefined;
  }
}

function send(app: App, sender: Sender, claimed: ClaimedDelivery, signal: AbortSignal): Promise<SendResult> {
  const { id, severity, title, text, createdAt } = claimed;
  return sender.send(
    { id, severity, title, text, at: createdAt },
    {
      signal,
      sentParts: claimed.sentParts,
      onPart: async (sentParts) => {
        await updateSentParts(app.db, claimed, sentParts, new Date(app.now().getTime() + leaseMs).toISOString());
      },
    },
  );
}

async function settle(
  app: App,
  channel: string,
  claimed: ClaimedDelivery,
  result: SendResult,
  signal: AbortSignal,
): Promise<void> {
  const now = app.now();
  switch (result.state) {
    case "sent":
      await finishDelivery(app.db, claimed, { at: now.toISOString(), remoteId: result.remoteId });
      return;
    case "permanent":
      await bury(app, channel, claimed, result.why);
      return;
    case "retry": {
      if (now.getTime() - Date.parse(claimed.createdAt) > giveUpAfterMs) {
        await bury(app, channel, claimed, `given up after a day: ${result.why}`);
        return;
      }
      const delayMs = result.retryAfterMs ?? backOff(claimed.attempt);
      const at = new Date(now.getTime() + delayMs).toISOString();
      // A stop of ours says nothing about the other side.
      await postponeDelivery(app.db, claimed, { at, why: result.why, countsAsAttempt: !signal.aborted });
      if (result.retryAfterMs === undefined) return;
      await upsertHold(app.db, { channel, kind: "paused", until: at, why: result.why, since: now.toISOString() });
    }
  }
}

/** The dead letter and its event are one change. */
async function bury(app: App, channel: string, claimed: ClaimedDelivery, why: string): Promise<void> {
  await transaction(app.db, async (tx) => {
    if ((await buryDelivery(tx, claimed, why)) === 0) return;
    await appendEvent(tx, app.keys, {
      actor: "notifications",
      action: "notifications.delivery",
      target: `channel ${channel}`,
      outcome: "dead",
      details: { channel, deliveryId: claimed.id, why },
      notice: {
        severity: "high",
        title: `a message could not be delivered by ${channel}`,
        text: `${why}\n\nMend the channel, then: leveredge notifications resend --all-dead`,
      },
    });
  });
}

/** Doubling from two seconds to an hour, a fifth of it by chance so that many do not come at once. */
export function backOff(attempt: number, random = Math.random()): number {
  const delayMs = Math.min(longestDelayMs, shortestDelayMs * 2 ** Math.max(0, attempt - 1));
  return Math.round(delayMs * (0.9 + random * 0.2));
}
