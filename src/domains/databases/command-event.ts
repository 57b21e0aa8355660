/** The audit record of what changes the operator's databases. */
import type { App } from "#app.ts";
import type { Environment } from "#domain.ts";
import { AppError } from "#errors.ts";
import { appendEvent, sealEvents } from "#events/events.ts";
import type { Notice } from "#events/schema.ts";
import { redact } from "#secrets/redact.ts";
import { transaction } from "#store/database.ts";

export type CommandEvent = {
  /** `cli:root`, `user:damon`, `schedule:mirror`. */
  actor: string;
  /** `databases.migrate`, `databases.mirror`. */
  action: string;
  target: string;
  environment: Environment;
  outcome: string;
  details: Record<string, unknown>;
  notice?: Notice;
};

/** Does the work and records what came of it; a failure is recorded by its code and thrown on. */
export async function recorded<T>(
  app: App,
  event: Pick<CommandEvent, "actor" | "action" | "target" | "environment">,
  work: () => Promise<T>,
  describe: (result: T) => Pick<CommandEvent, "outcome" | "details" | "notice">,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const details =
      error instanceof AppError ? { code: error.code, error: redact(error.message) } : { code: "internal" };
    await writeEvent(app, { ...event, outcome: "failed", details, notice: describeFailure(event, error) });
    throw error;
  }
  await writeEvent(app, { ...event, ...describe(result) });
  return result;
}

function describeFailure(
  { action, environment }: Pick<CommandEvent, "action" | "environment">,
  error: unknown,
): Notice {
  const [why, remedy] = error instanceof AppError ? [error.message, error.hint] : ["an unexpected failure", undefined];
  return {
    severity: "high",
    title: `${action.replace("databases.", "")} on ${environment} failed`,
    text: [why, remedy ?? "Look: leveredge audit list"].join("\n"),
    section: 1,
  };
}

async function writeEvent(app: App, event: CommandEvent): Promise<void> {
  await transaction(app.db, (tx) => appendEvent(tx, app.keys, event));
  await sealEvents(app);
}
