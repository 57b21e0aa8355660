import type { App } from "#app.ts";
import type { Check } from "#domain.ts";
import { type FeedDelay, listDelays } from "#events/cursor-queries.ts";
import { verifyHead } from "#events/verify.ts";

/** A feed that is behind for so long waits for nobody who is just at it. */
const lateMs = 10 * 60_000;

/** Whether the end of the audit record is the one that was sealed last. What lies before it `audit verify` reads. */
export async function checkRecord(app: Pick<App, "db" | "keys" | "stateDir">): Promise<Check> {
  const subject = "audit record";
  const { head, headFile, faults } = await verifyHead(app);
  const end = head === null ? "is empty" : `ends at position ${head.position}`;
  const [fault] = faults;
  if (fault !== undefined) return { subject, state: "failed", detail: fault.text, remedy: "leveredge audit verify" };
  if (headFile === "confirms" || head === null) return { subject, state: "ok", detail: `${end}, as it was sealed` };
  const detail = `${end}; audit-head.json is missing: whether events were cut off cannot be told`;
  return { subject, state: "loose", detail, remedy: "leveredge audit verify" };
}

/** Whether everything that happened was passed on to those who make something of it. */
export async function checkFeeds(app: Pick<App, "db" | "now">): Promise<Check[]> {
  const delays = await listDelays(app.db);
  const late = delays.filter(
    ({ failure, since }) => failure !== null || app.now().getTime() - Date.parse(since) > lateMs,
  );
  if (late.length === 0) return [{ subject: "event feeds", state: "ok", detail: "have taken what happened" }];
  return late.map(describeDelay);
}

function describeDelay({ feed, position, behind, since, failure }: FeedDelay): Check {
  const events = behind === 1 ? "1 event" : `${behind} events`;
  const why = failure === null ? "nobody relays: leveredge serve does" : failure;
  return {
    subject: `event feed ${feed}`,
    state: "loose",
    detail: `is ${events} behind since ${since}: ${why}`,
    remedy: failure === null ? "leveredge serve" : `leveredge audit list --after ${position} --limit 1 --json`,
  };
}
