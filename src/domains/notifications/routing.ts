/** Which message goes to which channel, and when. Pure: configuration and clock are arguments. */
import type { Config } from "#config/schema.ts";
import { AppError } from "#errors.ts";
import type { Notice } from "#events/schema.ts";

import { type ChannelName, listChannels } from "./channels/all.ts";

export type Severity = Notice["severity"];

type QuietConfig = Pick<Config, "notifications" | "platform">;

const minuteMs = 60_000;

const severities: readonly Severity[] = ["high", "normal", "low"];

/** Where HERMES takes what no channel of ours is configured for. */
const hermesChannel: ChannelName = "telegram";

/**
 * The channels of a message. Without rules, `high` and `normal` go to every
 * configured channel and `low` to none. A platform without channels that listens
 * for HERMES has its messages forwarded.
 */
export function chooseChannels(
  { notifications }: Pick<Config, "notifications">,
  message: { severity: Severity; section: number | undefined },
): ChannelName[] {
  const configured = listConfigured(notifications);
  const rules = notifications?.rules;
  if (rules === undefined) return message.severity === "low" ? [] : configured;
  const wanted = rules
    .filter(({ severity }) => severity.includes(message.severity))
    .filter(
      ({ sections }) => sections === undefined || (message.section !== undefined && sections.includes(message.section)),
    )
    .flatMap(({ channels }) => channels);
  return configured.filter((name) => wanted.includes(name));
}

/**
 * The channels of a message that somebody addressed: the one it names, or all
 * when it names none. `not_found` names the configured ones, unless `fallback`
 * takes its place.
 */
export function chooseAddressed(
  { notifications }: Pick<Config, "notifications">,
  asked: string | undefined,
): ChannelName[] {
  const configured = listConfigured(notifications);
  const named = asked === undefined ? configured : configured.filter((name) => name === asked);
  if (named.length > 0) return named;
  const { fallback } = notifications ?? {};
  if (fallback !== undefined && configured.includes(fallback)) return [fallback];
  const known = configured.length === 0 ? "none is configured" : `configured: ${configured.join(", ")}`;
  throw new AppError("not_found", `there is no channel ${JSON.stringify(asked ?? "any")} (${known})`, {
    hint: `Add it under notifications.channels in leveredge.yaml, or set notifications.fallback.`,
  });
}

function listConfigured(notifications: Config["notifications"]): ChannelName[] {
  const configured = listChannels(notifications?.channels ?? {});
  return configured.length === 0 && notifications?.listen === true ? [hermesChannel] : configured;
}

/** Now, or the first minute after the quiet hours that it falls into, as the clocks there go: also where they are changed. */
export function chooseInstant(config: QuietConfig, severity: Severity, now: Date): Date {
  const isQuiet = watchQuiet(config, severity);
  let at = now.getTime();
  while (isQuiet(at)) at = (Math.floor(at / minuteMs) + 1) * minuteMs;
  return new Date(at);
}

/** The severities that may be sent at that instant: all but those that wait for the end of the quiet hours. */
export function listAwake(config: QuietConfig, now: Date): Severity[] {
  return severities.filter((severity) => !watchQuiet(config, severity)(now.getTime()));
}

/** Asked by the clock on the wall: a repeated hour is as quiet the second time. */
function watchQuiet(config: QuietConfig, severity: Severity): (at: number) => boolean {
  const quiet = config.notifications?.quiet_hours;
  if (quiet === undefined || quiet.except.includes(severity)) return () => false;
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: config.platform.timezone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (at) => isBetween(clock.format(at), quiet.from, quiet.to);
}

/** Times of day as text compare as times; a span may go over midnight, and never lasts the whole day. */
function isBetween(clock: string, from: string, to: string): boolean {
  return from <= to ? clock >= from && clock < to : clock >= from || clock < to;
}
