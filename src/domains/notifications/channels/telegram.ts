/**
 * Telegram's bot API (https://core.telegram.org/bots/api, read 2026-11-22): the
 * token stands in the path, a message has at most 4,096 characters, 429 says in
 * `parameters.retry_after` how many seconds to wait.
 *
 * The text goes as it is, without a parse mode; only the title is marked bold by
 * position. Should Telegram not take the mark, the same text goes without it.
 */
import type { Config } from "#config/schema.ts";
import type { OutboundResponse } from "#outbound/outbound.ts";

import { type ChannelTools, joinText, type Message, type Sender, type SendResult } from "./channel.ts";
import { ask, describeBody, isRecord, judgeStatus, readJson } from "./http-answer.ts";
import { sendParts } from "./send-parts.ts";
import { splitText } from "./split-text.ts";

type Telegram = NonNullable<NonNullable<Config["notifications"]>["channels"]["telegram"]>;

const longestText = 4096;

export async function openTelegram(config: Telegram, tools: ChannelTools): Promise<Sender> {
  const token = await tools.openReference(config.bot_token);
  return {
    send: (message, context) =>
      sendParts(splitText(joinText(message), longestText), context, async (part, index) => {
        const post = async (isMarked: boolean): Promise<SendResult> => {
          const answer = await ask(tools.outbound, {
            service: "telegram",
            method: "POST",
            url: `https://api.telegram.org/bot${token.reveal()}/sendMessage`,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({
              chat_id: config.chat_id,
              text: part,
              link_preview_options: { is_disabled: true },
              ...(isMarked ? { entities: [{ type: "bold", offset: 0, length: message.title.length }] } : {}),
            }),
            signal: context.signal,
          });
          return "state" in answer ? answer : judge(answer, token.reveal());
        };
        const first = await post(index === 0 && canMark(message, part));
        return first.state === "permanent" && /can't parse entities|entity/i.test(first.why) ? post(false) : first;
      }),
  };
}

/** The title must stand whole in the first part. */
function canMark({ title }: Message, part: string): boolean {
  return title !== "" && part.length >= title.length;
}

function judge(answer: OutboundResponse, token: string): SendResult {
  const reply = readJson(answer.body);
  const parameters = isRecord(reply["parameters"]) ? reply["parameters"] : {};
  if (reply["ok"] === true) {
    const id = isRecord(reply["result"]) ? reply["result"]["message_id"] : undefined;
    return { state: "sent", ...(typeof id === "number" ? { remoteId: String(id) } : {}) };
  }
  const description = reply["description"];
  const said = typeof description === "string" ? describeBody(description, [token]) : "";
  const seconds = parameters["retry_after"];
  if (answer.status === 429) {
    const retryAfterMs = typeof seconds === "number" ? seconds * 1000 : undefined;
    return { state: "retry", why: `telegram answered 429: ${said}`, retryAfterMs };
  }
  const movedTo = parameters["migrate_to_chat_id"];
  if (typeof movedTo === "number") {
    return { state: "blocked", why: `the telegram group is now chat ${movedTo}: write that as chat_id` };
  }
  if (answer.status === 401 || answer.status === 404) {
    return { state: "blocked", why: `telegram does not know this bot (${answer.status}): check bot_token` };
  }
  // There is one chat: what is wrong with it is wrong for every message.
  if (answer.status === 403 || /chat not found/i.test(said)) {
    return {
      state: "blocked",
      why: `telegram answered ${answer.status}: ${said}; check chat_id and the bot's membership`,
    };
  }
  if (answer.status >= 400 && answer.status < 500 && said !== "") {
    return { state: "permanent", why: `telegram answered ${answer.status}: ${said}` };
  }
  // 200 without ok: something that is not Telegram answered.
  return answer.status < 300
    ? { state: "retry", why: "telegram's answer was not one of its API" }
    : judgeStatus("telegram", answer, [token]);
}
