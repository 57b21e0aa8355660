/** After a command people hear of what it did, also where no server runs that would tell them. */
import type { App } from "#app.ts";
import type { Stream } from "#cli/print.ts";
import { makePrintable } from "#cli/printable.ts";
import { type Relay, relayEvents } from "#events/feed.ts";

const deliverWithinMs = 10_000;

/**
 * The app, which relays its events before it closes: sealed, taken by every feed,
 * and sent as far as that is quick. What fails is one line and no other exit code;
 * the next command or the server passes it on.
 */
export function relayOnClose(app: App, relays: readonly Relay[], stderr: Stream): App {
  return {
    ...app,
    close: async () => {
      const failures = await relayEvents(app, relays, { deliverWithinMs, signal: app.signal });
      if (failures.length > 0) {
        const reasons = failures.map(({ relay, why }) => `${relay}: ${why}`).join("; ");
        stderr.write(`${makePrintable(`not everybody was told yet; the next command tries again: ${reasons}`)}\n`);
      }
      await app.close();
    },
  };
}
