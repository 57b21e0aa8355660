/** Days as an operator names them: both included, in the platform's time zone. */
import { AppError } from "#errors.ts";

import type { CommandContext, Option } from "./command.ts";

/** Dates such as `2026-01-31`, both included; open where there is none. */
export type Period = { from?: string | undefined; to?: string | undefined };

export const periodOptions: Option[] = [
  { flags: "--from <date>", summary: "first day, in the platform's time zone: 2026-01-31" },
  { flags: "--to <date>", summary: "last day" },
];

/** Nothing was recorded before; a later year is a slip of the finger. */
const [earliest, latest] = ["2020-01-01", "2099-12-31"];

/** What `--from` and `--to` say; refuses what is no day, and days in the wrong order. */
export function readPeriod({ options }: Pick<CommandContext, "options">): Period {
  const [from, to] = [readDay("--from", options["from"]), readDay("--to", options["to"])];
  if (from === undefined || to === undefined || from <= to) return { from, to };
  throw new AppError("invalid_input", `--from ${from} is after --to ${to}`, { hint: "Swap them." });
}

function readDay(option: string, text: string | boolean | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text === "string" && isDay(text)) return text;
  throw new AppError("invalid_input", `${option} is ${JSON.stringify(text)}, expected a day such as 2026-01-31`, {
    hint: `Write year, month and day, from ${earliest} to ${latest}.`,
  });
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text < earliest || text > latest) return false;
  const instant = new Date(text);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text);
}
