/** After a command people hear of what it did, also where no server runs that would tell them. */
import type { App } from "#app.ts";
import type { Stream } from "#cli/print.ts";
import { makePrintable } from "#cli/printable.ts";
import { type Relay, relayEvents } from "#events/feed.ts";
import type { KeyRing } from "#secrets/key-ring.ts";

const deliverWithinMs = 10_000;

/**
 * The app, which relays before it closes when events were written through it:
 * sealed, taken by every feed, and sent as far as that is quick. A command that
 * only reads tells nobody anything. What fails is one line and no other exit code;
 * the server or the next command that writes passes it on.
 */
export function relayOnClose(app: App, relays: readonly Relay[], stderr: Stream): App {
  const audit = watchAuditKey(app.keys);
  return {
    ...app,
    keys: audit.keys,
    close: async () => {
      const failures = audit.isUsed() ? await relayEvents(app, relays, { deliverWithinMs, signal: app.signal }) : [];
      if (failures.length > 0) {
        const reasons = failures.map(({ relay, why }) => `${relay}: ${why}`).join("; ");
        stderr.write(`${makePrintable(`not everybody was told yet, it is tried again later: ${reasons}`)}\n`);
      }
      await app.close();
    },
  };
}

/** No event is written without the key that its MAC is made with. */
function watchAuditKey(keys: KeyRing): { keys: KeyRing; isUsed(): boolean } {
  let used = false;
  const key: KeyRing["key"] = (purpose) => {
    used ||= purpose === "audit";
    return keys.key(purpose);
  };
  return { keys: { ...keys, key }, isUsed: () => used };
}
