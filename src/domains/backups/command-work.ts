/** What the `backups` commands have in common: whose they are, how they report, which sets they may ask for. */
import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { AppError } from "#errors.ts";
import { currentUser } from "#system/user.ts";

import type { CreateWork } from "./create.ts";

/** Opens everything; `precondition_failed` when no set is configured. */
export async function openForSets(context: CommandContext): Promise<App> {
  const app = await context.openApp();
  if (app.config.backups.length > 0) return app;
  throw new AppError("precondition_failed", "the configuration names no backup set", {
    hint: "Add backups to leveredge.yaml, or use --from-url and --file.",
  });
}

const betweenCountsMs = 2000;

/** On a terminal each new activity is a line, of counted ones now and then one; elsewhere only the outcome is told. */
export function workOf(context: CommandContext): CreateWork {
  let last = "";
  let counted = performance.now();
  return {
    signal: context.signal,
    progress(text, done, total) {
      if (!context.output.live || text === last) return;
      last = text;
      if (done === undefined || total === undefined) return context.output.say(`… ${text}`);
      if (performance.now() - counted < betweenCountsMs) return;
      counted = performance.now();
      context.output.say(`… ${text} (${done} of ${total})`);
    },
  };
}

/** For events. */
export function requester(): string {
  return `cli:${currentUser()}`;
}

export function textOf(option: string | boolean | undefined): string | undefined {
  return typeof option === "string" ? option : undefined;
}
