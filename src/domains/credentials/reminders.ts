/** Reminders: a value that will expire, a value that has been in use for long. Each is told once. */
import type { App } from "#app.ts";
import { appendEvent } from "#events/events.ts";
import type { NewEvent } from "#events/schema.ts";
import { transaction } from "#store/database.ts";

import { type DueReminder, takeDueReminders } from "./reminder-queries.ts";

const daysBefore = [30, 14, 7, 3, 1, 0];

/** Tells what is due by the database's clock; answers how many. A second call tells nothing. */
export async function remind(app: Pick<App, "db" | "keys">, by: { name: string }): Promise<number> {
  return transaction(app.db, async (tx) => {
    const due = await takeDueReminders(tx, daysBefore);
    for (const reminder of due) await appendEvent(tx, app.keys, describe(reminder, by));
    return due.length;
  });
}

function describe(reminder: DueReminder, by: { name: string }): NewEvent {
  const { credentialName: name, provider, environment, kind, dueOn, daysBefore: days } = reminder;
  return {
    key: `credentials.reminder:${reminder.credentialId}:${kind}:${dueOn}:${days}`,
    actor: by.name,
    action: "credentials.reminder",
    target: `credential ${name}`,
    environment,
    outcome: kind,
    details: { provider, dueOn, daysBefore: days },
    notice: {
      severity: kind === "expiry" && days <= 3 ? "high" : "normal",
      ...tell(reminder),
      section: 3,
    },
  };
}

function tell({ credentialName: name, kind, dueOn, daysBefore: days, isPast }: DueReminder): {
  title: string;
  text: string;
} {
  const remedy = `Remedy: leveredge credentials rotate ${name}`;
  if (kind === "rotation") {
    const text = `Its value was to be replaced by ${dueOn}.\n${remedy}`;
    return { title: `credential ${name} is due for rotation`, text };
  }
  const title = isPast
    ? `credential ${name} has passed its date`
    : `credential ${name} expires within ${days} ${days === 1 ? "day" : "days"}`;
  return { title, text: `Its date is ${dueOn}.\n${remedy}` };
}
