/** `leveredge credentials change`: what is told about a credential; its value stays. */
import type { CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";

import { instantOf, noteOf, requester, rotationDaysOf, textOf } from "./command-input.ts";
import { changeCredential, requireCredential } from "./credentials.ts";
import { formatExpiry } from "./words.ts";

export async function runChange(context: CommandContext): Promise<number> {
  const [name = ""] = context.arguments;
  const change = readChange(context);
  if (Object.keys(change).length === 0) {
    throw new AppError("invalid_input", "nothing to change is given", {
      hint: "Add --expires, --rotation-days or --note.",
    });
  }
  const app = await context.openApp();
  const { revision } = await requireCredential(app, name);
  const credential = await changeCredential(app, name, change, requester(), { ifRevision: revision });
  context.output.data({ credential }, `${name} is changed; it expires: ${formatExpiry(credential, app.now())}`);
  return outcomeExit.ok;
}

function readChange(context: CommandContext): Parameters<typeof changeCredential>[2] {
  const [expires, days, note] = [
    textOf(context, "expires") === "none" ? null : instantOf(context, "expires"),
    rotationDaysOf(context),
    noteOf(context),
  ];
  return {
    ...(expires === undefined ? {} : { declaredExpiresAt: expires }),
    ...(days === undefined ? {} : { rotationReminderDays: days }),
    ...(note === undefined ? {} : { note: note === "" ? null : note }),
  };
}
