/** What checks ask with: one client, and the turns of each host. */
import type { Outbound } from "#outbound/outbound.ts";
import { createSlots } from "#outbound/slots.ts";

import type { CheckTools, Outside } from "./ask.ts";

export function createCheckTools(parts: { outbound: Outbound; outside: Outside; now: () => Date }): CheckTools {
  return { ...parts, slots: createSlots({ now: parts.now }) };
}
