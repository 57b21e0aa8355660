import type { SendContext, SendResult } from "./channel.ts";

/** Sends the parts that no earlier attempt has sent, in order, up to the first that fails. Blank ones are left out: services refuse them. */
export async function sendParts(
  parts: readonly string[],
  { sentParts, onPart }: SendContext,
  sendPart: (part: string, index: number) => Promise<SendResult>,
): Promise<SendResult> {
  let result: SendResult = { state: "sent" };
  for (const [index, part] of parts.entries()) {
    if (index < sentParts || part.trim() === "") continue;
    result = await sendPart(part, index);
    if (result.state !== "sent") return result;
    if (parts.length > 1) await onPart(index + 1);
  }
  return result;
}
