/** What a channel is: it opens its configuration once, and sends one message at a time. */
import type { Outbound } from "#outbound/outbound.ts";
import type { Secret } from "#secrets/secret.ts";

export type Message = {
  /** Stable over every attempt: it goes wherever the channel has a place for an id. */
  id: string;
  severity: "high" | "normal" | "low";
  /** May be empty: then the text says all. */
  title: string;
  text: string;
  /** When it was said, not when it is sent. */
  at: string;
};

export type SendContext = {
  signal: AbortSignal;
  /** How many parts of a long message an earlier attempt has sent. */
  sentParts: number;
  /** Called after each part with the number sent so far, before the next one is tried. */
  onPart(sentParts: number): Promise<void>;
};

export type SendResult =
  | { state: "sent"; remoteId?: string | undefined }
  /** Worth another try; not before `retryAfterMs` when the other side said so. */
  | { state: "retry"; why: string; retryAfterMs?: number | undefined }
  /** The channel itself is refused, whatever the message: it waits until somebody mends the configuration. */
  | { state: "blocked"; why: string }
  /** This message will never be taken. */
  | { state: "permanent"; why: string };

export type Sender = {
  /** Never throws for what the outside does. A second call with the same message may arrive twice, with the same id. */
  send(message: Message, context: SendContext): Promise<SendResult>;
};

/** What a channel works with. */
export type ChannelTools = {
  outbound: Outbound;
  /** Throws AppError when the reference cannot be opened: the channel is blocked. */
  openReference(reference: string): Promise<Secret>;
};

/** The message as one text, for channels without a title of their own. */
export function joinText({ title, text }: Message): string {
  return [title, text].filter((part) => part !== "").join("\n\n");
}
