/** The audit trail of commands that change the operator's databases. */
import type { App } from "#app.ts";
import type { Environment } from "#domain.ts";
import { AppError } from "#errors.ts";
import { appendEvent, sealEvents } from "#events/events.ts";
import { redact } from "#secrets/redact.ts";
import { transaction } from "#store/database.ts";

import { currentUser } from "#system/user.ts";

export type CommandEvent = {
  /** `databases.migrate`, `databases.mirror`. */
  action: string;
  target: string;
  environment: Environment;
  outcome: string;
  details: Record<string, unknown>;
};

/** Does the work and records what came of it; a failure is recorded by its code and thrown on. */
export async function recorded<T>(
  app: App,
  event: Pick<CommandEvent, "action" | "target" | "environment">,
  work: () => Promise<T>,
  describe: (result: T) => Pick<CommandEvent, "outcome" | "details">,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const details =
      error instanceof AppError ? { code: error.code, error: redact(error.message) } : { code: "internal" };
    await writeEvent(app, { ...event, outcome: "failed", details });
    throw error;
  }
  await writeEvent(app, { ...event, ...describe(result) });
  return result;
}

async function writeEvent(app: App, event: CommandEvent): Promise<void> {
  await transaction(app.db, (tx) => appendEvent(tx, app.keys, { actor: `cli:${currentUser()}`, ...event }));
  await sealEvents(app);
}
