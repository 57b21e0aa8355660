/** `leveredge credentials rotate NAME --by-provider`: a new key by the provider's own API. */
import type { CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";

import { requester, textOf } from "./command-input.ts";
import type { Rotated, RotationWish, RotationWork } from "./rotation.ts";
import { CredentialName } from "./schema.ts";

/** Whether any of the options asks for it. */
export function isByProvider({ options }: CommandContext): boolean {
  return ["byProvider", "with", "grace", "oldUnused", "giveUp"].some((name) => options[name] !== undefined);
}

/** Waiting for the grace is as good as it gets; waiting for anything else is blocked. */
export async function runRotation(context: CommandContext): Promise<number> {
  refuseValues(context);
  const name = readName(context);
  const wish = readWish(context);
  const app = await context.openApp();
  const { giveUpRotation, rotateAtProvider } = await import("./rotation.ts");
  const { withCheckTools } = await import("./sweep.ts");
  const work: RotationWork = {
    requestedBy: requester().name,
    signal: context.signal,
    progress: (text) => context.output.say(`… ${text}`),
  };
  const rotated = await withCheckTools(app, (tools) =>
    context.options["giveUp"] === true
      ? giveUpRotation(app, tools, name, work)
      : rotateAtProvider(app, tools, name, wish, work),
  );
  const { exit, text } = describe(name, rotated);
  context.output.data({ name, ...rotated }, text);
  return exit;
}

function describe(name: string, rotated: Rotated): { exit: number; text: string } {
  switch (rotated.state) {
    case "done":
      return { exit: outcomeExit.ok, text: `${name} has a new key; the old one was seen dead` };
    case "waiting": {
      const isInGrace = rotated.rotation.phase === "wait";
      const next = isInGrace
        ? `\nNobody uses it any more: leveredge credentials rotate ${name} --old-unused`
        : `\nIt is tried again by leveredge serve, or with: leveredge credentials rotate ${name} --by-provider`;
      const said = isInGrace
        ? `${name} has a new key; ${rotated.why}`
        : `${name} waits before "${rotated.rotation.phase}": ${rotated.why}`;
      return { exit: isInGrace ? outcomeExit.ok : outcomeExit.blocked, text: `${said}${next}` };
    }
    case "failed":
      return { exit: outcomeExit.failed, text: `the rotation of ${name} ended: ${rotated.why}` };
  }
}

function readName({ arguments: [given] }: CommandContext): string {
  const read = CredentialName.safeParse(given);
  if (read.success) return read.data;
  throw new AppError("invalid_input", "that is no name for a credential", {
    hint: "List them with: leveredge credentials list",
  });
}

/** A value by hand and one by the provider exclude each other. */
function refuseValues({ options, lists }: CommandContext): void {
  const isGiven =
    (lists?.["field"] ?? []).length + (lists?.["fromFile"] ?? []).length > 0 ||
    options["stdin"] !== undefined ||
    options["expires"] !== undefined;
  if (!isGiven) return;
  throw new AppError(
    "invalid_input",
    "a value that is given by hand and one of the provider's making exclude each other",
    {
      hint: "Leave --field, --from-file, --stdin and --expires out, or --by-provider.",
    },
  );
}

function readWish(context: CommandContext): RotationWish {
  const manager = textOf(context, "with");
  const grace = textOf(context, "grace");
  const graceS = context.options["oldUnused"] === true ? 0 : grace === undefined ? undefined : readSeconds(grace);
  return { ...(manager === undefined ? {} : { manager }), ...(graceS === undefined ? {} : { graceS }) };
}

const unitS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

function readSeconds(text: string): number {
  const [, count, unit = ""] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (unitS[unit] ?? Number.NaN);
  if (Number.isInteger(seconds)) return seconds;
  throw new AppError("invalid_input", `--grace is ${JSON.stringify(text)}, expected a time such as 30m, 24h or 7d`);
}
