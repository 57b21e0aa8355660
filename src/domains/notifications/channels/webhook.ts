/**
 * A signed webhook, as https://www.standardwebhooks.com has it (read 2026-11-22):
 * id, time and body are signed with HMAC-SHA256, so that the receiver knows the
 * sender, refuses what is old, and drops what it has seen. 410 says: no more (the channel is blocked).
 */
import { createHmac } from "node:crypto";

import type { Config } from "#config/schema.ts";

import { type ChannelTools, type Sender } from "./channel.ts";
import { ask, judgeStatus } from "./http-answer.ts";

type Webhook = NonNullable<NonNullable<Config["notifications"]>["channels"]["webhook"]>;

export async function openWebhook(config: Webhook, tools: ChannelTools): Promise<Sender> {
  const secret = (await tools.openReference(config.secret)).reveal();
  return {
    send: async ({ id, severity, title, text, at }, { signal }) => {
      const sentAt = String(Math.floor(Date.now() / 1000));
      const body = JSON.stringify({ type: "notification", timestamp: at, data: { id, severity, title, text } });
      const answer = await ask(tools.outbound, {
        service: "webhook",
        method: "POST",
        url: config.url,
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": sentAt,
          "webhook-signature": signWebhook(secret, { id, sentAt, body }),
        },
        body,
        signal,
      });
      return "state" in answer ? answer : judgeStatus("webhook", answer, [secret]);
    },
  };
}

/** `v1,` and the signature in base64. A secret that begins with `whsec_` is base64, any other its own bytes. */
export function signWebhook(
  secret: string,
  { id, sentAt, body }: { id: string; sentAt: string; body: string },
): string {
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice("whsec_".length), "base64") : Buffer.from(secret);
  return `v1,${createHmac("sha256", key).update(`${id}.${sentAt}.${body}`).digest("base64")}`;
}
