/**
 * ntfy (https://docs.ntfy.sh/publish, read 2026-11-22): one JSON document with the
 * topic; a message over 4,096 bytes would become an attachment, so it is cut;
 * priorities are 1 to 5. `sequence_id` lets a server that knows it replace a
 * message that arrives twice.
 */
import type { Config } from "#config/schema.ts";

import { type ChannelTools, type Sender } from "./channel.ts";
import { ask, judgeStatus, readJson } from "./http-answer.ts";
import { sendParts } from "./send-parts.ts";
import { countBytes, splitText } from "./split-text.ts";

type Ntfy = NonNullable<NonNullable<Config["notifications"]>["channels"]["ntfy"]>;

const longestBytes = 4096;
const priorities = { high: 4, normal: 3, low: 2 } as const;

export async function openNtfy(config: Ntfy, tools: ChannelTools): Promise<Sender> {
  const token = config.token === undefined ? undefined : (await tools.openReference(config.token)).reveal();
  return {
    send: (message, context) =>
      sendParts(splitText(message.text, longestBytes, countBytes), context, async (part, index) => {
        const answer = await ask(tools.outbound, {
          service: "ntfy",
          method: "POST",
          url: config.url,
          headers: {
            "content-type": "application/json",
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify({
            topic: config.topic,
            ...(message.title === "" ? {} : { title: message.title }),
            message: part,
            priority: priorities[message.severity],
            sequence_id: index === 0 ? message.id : `${message.id}-${index + 1}`,
          }),
          signal: context.signal,
        });
        if ("state" in answer) return answer;
        const result = judgeStatus("ntfy", answer, token === undefined ? [] : [token]);
        const { id } = readJson(answer.body);
        return result.state === "sent" && typeof id === "string" ? { ...result, remoteId: id } : result;
      }),
  };
}
