/**
 * Slack's incoming webhooks (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
 * read 2026-11-22): the URL is the secret; `&`, `<` and `>` are escaped; texts over
 * 4,000 characters are cut by us, at 40,000 by Slack.
 */
import type { Config } from "#config/schema.ts";

import { type ChannelTools, type Message, type Sender } from "./channel.ts";
import { ask, judgeStatus, listUrlSecrets } from "./http-answer.ts";
import { sendParts } from "./send-parts.ts";
import { splitText } from "./split-text.ts";

type Slack = NonNullable<NonNullable<Config["notifications"]>["channels"]["slack"]>;

const longestText = 4000;

export async function openSlack(config: Slack, tools: ChannelTools): Promise<Sender> {
  const url = (await tools.openReference(config.webhook_url)).reveal();
  return {
    send: (message, context) =>
      sendParts(splitText(compose(message), longestText), context, async (text) => {
        const answer = await ask(tools.outbound, {
          service: "slack",
          method: "POST",
          url,
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ text }),
          signal: context.signal,
        });
        return "state" in answer ? answer : judgeStatus("slack", answer, listUrlSecrets(url));
      }),
  };
}

function compose({ title, text }: Message): string {
  const bold = title === "" ? "" : `*${escapeText(title)}*`;
  return [bold, escapeText(text)].filter((part) => part !== "").join("\n\n");
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
