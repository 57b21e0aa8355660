/** What `doctor` and the health check ask about messages. Nothing is sent. */
import type { App } from "#app.ts";
import type { Check } from "#domain.ts";
import { AppError } from "#errors.ts";
import { createOutbound } from "#outbound/outbound.ts";

import { type ChannelName, listChannels, openChannel } from "./channels/all.ts";
import { describeChannels } from "./notifications.ts";
import type { ChannelStatus } from "./schema.ts";

const lateMs = 15 * 60_000;

/** One answer for each channel: does its secret open, does it get rid of its messages? */
export async function checkChannels(app: App): Promise<Check[]> {
  const statuses = await describeChannels(app);
  const outbound = createOutbound({ outside: app.config.outside, userAgent: "leveredge" });
  try {
    const checks: Check[] = [];
    for (const status of statuses)
      checks.push({ subject: `channel ${status.channel}`, ...(await judge(app, status, outbound)) });
    return checks;
  } finally {
    await outbound.close();
  }
}

async function judge(
  app: App,
  status: ChannelStatus,
  outbound: ReturnType<typeof createOutbound>,
): Promise<Omit<Check, "subject">> {
  const channels = app.config.notifications?.channels ?? {};
  const name = listChannels(channels).find((known: ChannelName) => known === status.channel);
  if (name === undefined) {
    return {
      state: "loose",
      detail: `is not configured, and ${status.waiting + status.dead} messages are left for it`,
      remedy: `Add notifications.channels.${status.channel} to leveredge.yaml, or: leveredge notifications drop --channel ${status.channel}`,
    };
  }
  try {
    await openChannel(name, channels, { outbound, openReference: app.openReference });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const detail = `is blocked: ${error.message}; ${status.waiting} messages wait`;
    return { state: "failed", detail, remedy: error.hint ?? "Correct it in leveredge.yaml." };
  }
  return status.hold?.kind === "blocked" ? describeBlock(status, status.hold.why) : judgeOutbox(app, status);
}

/** It opens; the service refused it the last time that something was sent. */
function describeBlock({ waiting }: ChannelStatus, why: string): Omit<Check, "subject"> {
  return {
    state: "failed",
    detail: `is blocked: ${why}; ${waiting} messages wait`,
    remedy: "Mend it in leveredge.yaml, then: leveredge notifications resend --all-dead",
  };
}

function judgeOutbox(app: Pick<App, "now">, status: ChannelStatus): Omit<Check, "subject"> {
  if (status.dead > 0) {
    return {
      state: "loose",
      detail: `${status.dead} messages could not be delivered`,
      remedy: "leveredge notifications list --only dead",
    };
  }
  const oldest = status.oldestWaitingAt === null ? undefined : Date.parse(status.oldestWaitingAt);
  if (oldest !== undefined && app.now().getTime() - oldest > lateMs) {
    const why = status.hold === null ? "" : `: ${status.hold.why}`;
    return {
      state: "loose",
      detail: `${status.waiting} messages wait, the oldest since ${new Date(oldest).toISOString()}${why}`,
      remedy: "leveredge notifications list --only waiting",
    };
  }
  return {
    state: "ok",
    detail: status.waiting === 0 ? "nothing waits" : `${status.waiting} messages are on their way`,
  };
}
