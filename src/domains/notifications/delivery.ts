/**
 * Sending what is due. A delivery is claimed under a lease, sent outside any
 * transaction, then marked; whoever finds a lease that is over sends again with
 * the same id. Channels are served beside each other: one that is down delays
 * nobody else.
 */
import { setTimeout as delay } from "node:timers/promises";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { createOutbound, type Outbound } from "#outbound/outbound.ts";
import { redact } from "#secrets/redact.ts";
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
import { listAwake } from "./routing.ts";
import type { ClaimedDelivery } from "./schema.ts";

const leaseMs = 2 * 60_000;
const shortestDelayMs = 2_000;
const longestDelayMs = 60 * 60_000;
/** A service that asks for more is asked again all the same. */
const longestPatienceMs = 12 * 60 * 60_000;
/** A fault may lie in one message: it must not hold the others up for long. */
const longestUnaskedPauseMs = 30_000;
const giveUpAfterMs = 24 * 60 * 60_000;
/** Within the lease, so that no second sender begins while one is at it. */
const sendWithinMs = 60_000;
const lookAgainMs = 1_000;
const unopenedRetryMs = 15_000;
const refusedRetryMs = 10 * 60_000;

/** Whoever writes events about channels. */
const ownActor = "notifications";

type Options = {
  signal: AbortSignal;
  /** Where a HERMES may answer. Default 8014. */
  hermesPort?: number;
};

/**
 * Sends what is due, each channel until it fails or has nothing left. Never throws
 * for what the outside does. After the signal nothing new is begun; what is on its
 * way ends by its own time limit.
 */
export async function deliverDue(app: App, options: Options): Promise<void> {
  const busy = new Map<string, Promise<void>>();
  const faults: unknown[] = [];
  const outbound = createOutbound({ outside: app.config.outside, userAgent: `leveredge/${app.programVersion}` });
  const service = { ...options, outbound };
  try {
    do {
      for (const channel of options.signal.aborted ? [] : await listDueChannels(app.db, app.now().toISOString())) {
        if (busy.has(channel)) continue;
        const work = serveChannel(app, channel, service).catch((error: unknown) => void faults.push(error));
        busy.set(
          channel,
          work.finally(() => busy.delete(channel)),
        );
      }
      // One that hangs holds up no message of another that comes meanwhile.
      await Promise.race([Promise.all(busy.values()), delay(lookAgainMs, undefined, { ref: false })]);
    } while (busy.size > 0);
  } finally {
    await outbound.close();
  }
  if (faults.length > 0) throw new AggregateError(faults, "a channel failed in a way that it should not");
}

type Service = Options & { outbound: Outbound };

async function serveChannel(app: App, channel: string, service: Service): Promise<void> {
  const sender = await openSender(app, channel, service);
  if (sender === undefined) return;
  while (!service.signal.aborted) {
    const now = app.now();
    const claimed = await claimDelivery(app.db, {
      channel,
      severities: listAwake(app.config, now),
      now: now.toISOString(),
      leaseUntil: new Date(now.getTime() + leaseMs).toISOString(),
    });
    if (claimed === undefined) return;
    const result = await send(app, sender, claimed);
    if (result === undefined) continue;
    await settle(app, channel, claimed, result);
    // What is down stays down for the others that wait for it.
    if (result.state === "retry" || result.state === "blocked") return;
  }
}

/** Undefined when the channel is blocked: its messages wait, and it is said why. */
async function openSender(app: App, channel: string, service: Service): Promise<Sender | undefined> {
  const hold = (await listHolds(app.db)).find((row) => row.channel === channel && row.kind === "blocked");
  if (hold !== undefined && Date.parse(hold.until) > app.now().getTime()) return undefined;
  const channels = app.config.notifications?.channels ?? {};
  const name = listChannels(channels).find((known: ChannelName) => known === channel);
  try {
    if (name === undefined) return await openElsewhere(app, channel, service);
    return await openChannel(name, channels, { outbound: service.outbound, openReference: app.openReference });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const why = [error.message, error.hint].filter((part) => part !== undefined).join("; ");
    await block(app, channel, { why, retryMs: unopenedRetryMs });
    return undefined;
  }
}

/** A channel that is not configured here is that of the HERMES on this host, if one is there. */
async function openElsewhere(app: App, channel: string, service: Service): Promise<Sender> {
  const isForwarded =
    app.config.notifications?.listen === true && (await probeHermes(service.hermesPort)) === "foreign";
  if (isForwarded) return openHermes(channel, service.hermesPort);
  throw new AppError("not_found", `channel ${channel} is not configured`, {
    hint: `Add notifications.channels.${channel} to leveredge.yaml.`,
  });
}

/** Undefined when another sender took the delivery over. A fault of ours is one more failed try, and is told. */
async function send(app: App, sender: Sender, claimed: ClaimedDelivery): Promise<SendResult | undefined> {
  const { id, severity, title, text, createdAt } = claimed;
  const lost = new AbortController();
  const signal = AbortSignal.any([app.signal, AbortSignal.timeout(sendWithinMs), lost.signal]);
  const onPart = async (sentParts: number): Promise<void> => {
    const leaseUntil = new Date(app.now().getTime() + leaseMs).toISOString();
    if ((await updateSentParts(app.db, claimed, sentParts, leaseUntil)) === 0) lost.abort();
    lost.signal.throwIfAborted();
  };
  const message = { id, severity, title, text, at: createdAt };
  try {
    return await sender.send(message, { signal, sentParts: claimed.sentParts, onPart });
  } catch (error) {
    if (lost.signal.aborted) return undefined;
    return {
      state: "retry",
      why: redact(`a fault of LeverEdge: ${error instanceof Error ? error.message : "unknown"}`),
    };
  }
}

async function settle(app: App, channel: string, claimed: ClaimedDelivery, result: SendResult): Promise<void> {
  const now = app.now();
  switch (result.state) {
    case "sent":
      await finishDelivery(app.db, claimed, { at: now.toISOString(), remoteId: result.remoteId });
      await deleteHold(app.db, channel, now.toISOString());
      return;
    case "permanent":
      await bury(app, channel, claimed, result.why);
      return;
    case "blocked":
      await postponeDelivery(app.db, claimed, { at: now.toISOString(), why: result.why, countsAsTry: false });
      await block(app, channel, { why: result.why, retryMs: refusedRetryMs });
      return;
    case "retry":
      await postpone(app, channel, claimed, result);
  }
}

type Retry = Extract<SendResult, { state: "retry" }>;

async function postpone(
  app: App,
  channel: string,
  claimed: ClaimedDelivery,
  { why, retryAfterMs }: Retry,
): Promise<void> {
  const now = app.now();
  if (now.getTime() - Date.parse(claimed.triedSince) > giveUpAfterMs) {
    await bury(app, channel, claimed, `given up after a day: ${why}`);
    return;
  }
  const after = (ms: number): string => new Date(now.getTime() + ms).toISOString();
  const ownMs = backOff(claimed.tries);
  const askedMs = Math.min(retryAfterMs ?? 0, longestPatienceMs);
  // A stop of ours says nothing about the other side.
  const countsAsTry = !app.signal.aborted;
  await postponeDelivery(app.db, claimed, { at: after(Math.max(ownMs, askedMs)), why, countsAsTry });
  if (!countsAsTry) return;
  const until = after(Math.max(Math.min(ownMs, longestUnaskedPauseMs), askedMs));
  await upsertHold(app.db, { channel, kind: "paused", until, why, since: now.toISOString() });
}

/** Told once, through the other channels, when it begins. */
async function block(app: App, channel: string, { why, retryMs }: { why: string; retryMs: number }): Promise<void> {
  const now = app.now();
  await transaction(app.db, async (tx) => {
    const known = (await listHolds(tx)).some((hold) => hold.channel === channel && hold.kind === "blocked");
    const until = new Date(now.getTime() + retryMs).toISOString();
    await upsertHold(tx, { channel, kind: "blocked", until, why, since: now.toISOString() });
    if (known) return;
    await appendEvent(tx, app.keys, {
      actor: ownActor,
      action: "notifications.channel",
      target: `channel ${channel}`,
      outcome: "blocked",
      details: { channel, why },
      notice: {
        severity: "high",
        title: `messages for ${channel} wait: the channel is blocked`,
        text: `${why}\n\nMend it in leveredge.yaml, then: leveredge notifications resend --all-dead`,
      },
    });
  });
}

/** The dead letter and its event are one change. That a message about a channel is dead is told to nobody: it could go on for ever. */
async function bury(app: App, channel: string, claimed: ClaimedDelivery, why: string): Promise<void> {
  await transaction(app.db, async (tx) => {
    if ((await buryDelivery(tx, claimed, why)) === 0) return;
    await appendEvent(tx, app.keys, {
      actor: ownActor,
      action: "notifications.delivery",
      target: `channel ${channel}`,
      outcome: "dead",
      details: { channel, deliveryId: claimed.id, why },
      notice:
        claimed.actor === ownActor
          ? undefined
          : {
              severity: "high",
              title: `a message could not be delivered by ${channel}`,
              text: `${why}\n\nMend the channel, then: leveredge notifications resend --all-dead`,
            },
    });
  });
}

/** Doubling from two seconds to an hour, a fifth of it by chance so that many do not come at once. */
export function backOff(tries: number, random = Math.random()): number {
  const delayMs = Math.min(longestDelayMs, shortestDelayMs * 2 ** Math.max(0, tries - 1));
  return Math.round(delayMs * (0.9 + random * 0.2));
}
