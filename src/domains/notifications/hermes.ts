/** A HERMES that answers on this host already: what it is asked, and how it is told from our own listener. */
import { createOutbound } from "#outbound/outbound.ts";

import { joinText, type Sender } from "./channels/channel.ts";
import { ask, judgeStatus, readJson } from "./channels/http-answer.ts";

/** The port of the specification. */
export const hermesPort = 8014;

export const ownService = "leveredge";

const probeTimeoutMs = 2_000;

/**
 * Who answers there: nobody, a listener of LeverEdge, a HERMES, or another program.
 * A HERMES is told by what it says of a message without content: that it is wrong,
 * not that there is no such path.
 */
export async function probeHermes(port: number = hermesPort): Promise<"nobody" | "own" | "foreign" | "other"> {
  const outbound = createOutbound({ outside: hermesOrigin(port), userAgent: ownService });
  const asked = { service: "hermes", timeoutMs: probeTimeoutMs } as const;
  try {
    const health = await outbound.request({ ...asked, method: "GET", url: "http://hermes/health" });
    if (readJson(health.body)["service"] === ownService) return "own";
    const headers = { "content-type": "application/json" };
    const notify = await outbound.request({
      ...asked,
      method: "POST",
      url: "http://hermes/notify",
      headers,
      body: "{}",
    });
    return notify.status === 400 || notify.status === 422 ? "foreign" : "other";
  } catch {
    // Whatever does not answer takes no message either.
    return "nobody";
  } finally {
    await outbound.close();
  }
}

/** Hands messages of a channel to the HERMES that is there, as the specification's curl does. */
export function openHermes(channel: string, port: number = hermesPort): Sender {
  return {
    send: async (message, { signal }) => {
      const outbound = createOutbound({ outside: hermesOrigin(port), userAgent: ownService });
      try {
        const answer = await ask(outbound, {
          service: "hermes",
          method: "POST",
          url: "http://hermes/notify",
          headers: { "content-type": "application/json", "x-delivery-id": message.id },
          body: JSON.stringify({ channel, message: joinText(message), priority: message.severity }),
          signal,
        });
        return "state" in answer ? answer : judgeStatus("hermes", answer);
      } finally {
        await outbound.close();
      }
    },
  };
}

function hermesOrigin(port: number): Record<string, { url: string; allow_private: boolean }> {
  return { hermes: { url: `http://127.0.0.1:${port}`, allow_private: true } };
}
