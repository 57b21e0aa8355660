/** Every channel there is, by the name it has in `notifications.channels`. */
import type { Config } from "#config/schema.ts";

import type { ChannelTools, Sender } from "./channel.ts";

export type Channels = NonNullable<Config["notifications"]>["channels"];
export type ChannelName = keyof Channels;

type Open = (channels: Channels, tools: ChannelTools) => Promise<Sender | undefined>;

/** Loaded one by one: no mail library is needed to write a file. */
const openers: Record<ChannelName, Open> = {
  telegram: async ({ telegram }, tools) => telegram && (await import("./telegram.ts")).openTelegram(telegram, tools),
  slack: async ({ slack }, tools) => slack && (await import("./slack.ts")).openSlack(slack, tools),
  discord: async ({ discord }, tools) => discord && (await import("./discord.ts")).openDiscord(discord, tools),
  ntfy: async ({ ntfy }, tools) => ntfy && (await import("./ntfy.ts")).openNtfy(ntfy, tools),
  email: async ({ email }, tools) => email && (await import("./email.ts")).openEmail(email, tools),
  webhook: async ({ webhook }, tools) => webhook && (await import("./webhook.ts")).openWebhook(webhook, tools),
  file: async ({ file }) => file && (await import("./file.ts")).openFile(file),
};

/** The configured channels, in the order above. */
export function listChannels(channels: Channels): ChannelName[] {
  // The keys of a literal typed by ChannelName.
  return (Object.keys(openers) as ChannelName[]).filter((name) => channels[name] !== undefined);
}

/**
 * Opens a configured channel with its secrets; undefined when it is not
 * configured. Throws AppError where a reference cannot be opened: the channel is
 * blocked until it can.
 */
export function openChannel(name: ChannelName, channels: Channels, tools: ChannelTools): Promise<Sender | undefined> {
  return openers[name](channels, tools);
}
