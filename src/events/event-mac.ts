/** What the two kinds of MAC cover. The bytes of version 1 never change: events written today verify forever. */
import { createHmac } from "node:crypto";

import { lengthPrefixed } from "#secrets/envelope.ts";
import type { KeyRing, RingKey } from "#secrets/key-ring.ts";

import type { ChainLink, StoredEvent } from "./schema.ts";

/** Over the whole row as it is stored, and the instance it is stored in. */
export function computeEventMac(keys: KeyRing, key: RingKey, event: Omit<StoredEvent, "mac">): Buffer {
  return computeMac(key, [
    "leveredge/v1/event",
    keys.instanceId,
    String(event.id),
    event.key ?? "",
    event.at,
    event.actor,
    event.action,
    event.target,
    event.environment ?? "",
    event.outcome,
    event.details,
    String(event.keyVersion),
  ]);
}

/** Over the link before (empty for the first), the position, and the event with its own MAC. */
export function computeLinkMac(
  keys: KeyRing,
  key: RingKey,
  link: Omit<ChainLink, "mac">,
  previousMac: Buffer,
  eventMac: Buffer,
): Buffer {
  return computeMac(key, [
    "leveredge/v1/chain",
    keys.instanceId,
    previousMac,
    String(link.position),
    String(link.eventId),
    eventMac,
    String(link.keyVersion),
  ]);
}

function computeMac(key: RingKey, parts: (string | Buffer)[]): Buffer {
  return createHmac("sha256", key.key).update(lengthPrefixed(parts)).digest();
}
