import type { App } from "#app.ts";
import type { Check } from "#domain.ts";
import { verifyHead } from "#events/verify.ts";

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
