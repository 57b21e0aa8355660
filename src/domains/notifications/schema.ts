import { z } from "zod";

import { Notice } from "#events/schema.ts";

const instant = z.iso.datetime();

export const DeliveryState = z.enum(["waiting", "sending", "sent", "dead"]);
export type DeliveryState = z.output<typeof DeliveryState>;

/** A message for people. */
export const Notification = z.object({
  id: z.uuid(),
  severity: Notice.shape.severity,
  section: z.int().nullable(),
  title: z.string(),
  text: z.string(),
  /** How many equal ones of the same hour it stands for besides itself. */
  repeats: z.int(),
  actor: z.string(),
  createdAt: instant,
});
export type Notification = z.output<typeof Notification>;

/** One message on its way to one channel. */
export const Delivery = z.object({
  id: z.uuid(),
  notificationId: z.uuid(),
  channel: z.string(),
  state: DeliveryState,
  tries: z.int(),
  nextAttemptAt: instant,
  lastError: z.string().nullable(),
  remoteId: z.string().nullable(),
  sentAt: instant.nullable(),
  createdAt: instant,
});
export type Delivery = z.output<typeof Delivery>;

/** A delivery that somebody took to send it. */
export const ClaimedDelivery = z.object({
  id: z.uuid(),
  attempt: z.int(),
  tries: z.int(),
  triedSince: instant,
  sentParts: z.int(),
  severity: Notice.shape.severity,
  title: z.string(),
  text: z.string(),
  actor: z.string(),
  createdAt: instant,
});
export type ClaimedDelivery = z.output<typeof ClaimedDelivery>;

/** What keeps a channel from sending for now. */
export const ChannelHold = z.object({
  channel: z.string(),
  kind: z.enum(["paused", "blocked"]),
  until: instant,
  why: z.string(),
  since: instant,
});
export type ChannelHold = z.output<typeof ChannelHold>;

/** How a channel stands. */
export const ChannelStatus = z.object({
  channel: z.string(),
  configured: z.boolean(),
  waiting: z.int(),
  dead: z.int(),
  oldestWaitingAt: instant.nullable(),
  hold: ChannelHold.pick({ kind: true, until: true, why: true }).nullable(),
});
export type ChannelStatus = z.output<typeof ChannelStatus>;

/** The body of `POST /notify`, as the specification's final curl sends it. */
export const NotifyRequest = z.strictObject({
  channel: z.string().min(1).max(64).optional(),
  message: z.string().max(60_000).regex(/\S/, { error: "expected some text" }),
  priority: z.enum(["low", "normal", "high", "urgent"]).default("normal"),
  title: z.string().max(200).default(""),
});
export type NotifyRequest = z.output<typeof NotifyRequest>;

/** The answer: the message is in the outbox and will not be lost. */
export const NotifyAnswer = z.object({
  id: z.uuid(),
  status: z.literal("accepted"),
  /** Where it goes; another one than asked for when that is not configured and `fallback` is. */
  channels: z.array(z.string()),
});
export type NotifyAnswer = z.output<typeof NotifyAnswer>;
