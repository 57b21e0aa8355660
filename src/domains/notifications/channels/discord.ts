/**
 * Discord's webhooks (https://discord.com/developers/docs/resources/webhook, read
 * 2026-11-22): the URL is the secret, `content` has at most 2,000 characters, 429
 * says in `retry_after` how many seconds to wait. Nobody is mentioned.
 */
import type { Config } from "#config/schema.ts";

import { type ChannelTools, joinText, type Sender } from "./channel.ts";
import { ask, judgeStatus, listUrlSecrets, readJson } from "./http-answer.ts";
import { sendParts } from "./send-parts.ts";
import { splitText } from "./split-text.ts";

type Discord = NonNullable<NonNullable<Config["notifications"]>["channels"]["discord"]>;

const longestText = 2000;

export async function openDiscord(config: Discord, tools: ChannelTools): Promise<Sender> {
  const url = (await tools.openReference(config.webhook_url)).reveal();
  return {
    send: (message, context) =>
      sendParts(splitText(joinText(message), longestText), context, async (content) => {
        const answer = await ask(tools.outbound, {
          service: "discord",
          method: "POST",
          url: withWait(url),
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ content, allowed_mentions: { parse: [] } }),
          signal: context.signal,
        });
        if ("state" in answer) return answer;
        const reply = readJson(answer.body);
        const result = judgeStatus("discord", answer, listUrlSecrets(url));
        const seconds = reply["retry_after"];
        if (answer.status === 429 && typeof seconds === "number") {
          return { state: "retry", why: "discord answered 429", retryAfterMs: Math.ceil(seconds * 1000) };
        }
        const id = reply["id"];
        return result.state === "sent" && typeof id === "string" ? { ...result, remoteId: id } : result;
      }),
  };
}

/** With it Discord answers after the message is stored, and names it. */
function withWait(url: string): string {
  if (!URL.canParse(url)) return url;
  const asked = new URL(url);
  asked.searchParams.set("wait", "true");
  return asked.toString();
}
