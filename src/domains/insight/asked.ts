/** What a command was asked: of which days and calls, and told apart by what. */
import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { readPeriod } from "#cli/period.ts";
import { allowLongStatements, readOneMoment, readState, UsageEnvironment } from "#domains/usage/usage.ts";
import { AppError } from "#errors.ts";
import { type Db, transaction } from "#store/database.ts";

import { addDays, countDays } from "./days.ts";
import { type Calendar, type Grouping, groupings, readCalendar, type Span } from "./queries.ts";

type Asked = Pick<CommandContext, "options">;

export type Moment = Calendar & { timezone: string };

const usualDays = 30;
const mostDays = 3_660;

/** Reads in one snapshot, with the calendar of the sums as it is then. */
export function lookAtSums<T>(
  app: Pick<App, "db" | "config" | "now">,
  environment: UsageEnvironment | undefined,
  look: (tx: Db, moment: Moment) => Promise<T>,
): Promise<T> {
  return transaction(app.db, async (tx) => {
    await readOneMoment(tx);
    await allowLongStatements(tx);
    const state = await readState(tx);
    const timezone = state.timezone ?? app.config.platform.timezone;
    const asked = { timezone, environment, now: app.now(), firstKept: state.firstDay };
    return look(tx, { ...(await readCalendar(tx, asked)), timezone });
  });
}

export function readEnvironment({ options }: Asked): UsageEnvironment | undefined {
  return UsageEnvironment.optional().parse(options["environment"]);
}

/** The days that `--from`, `--to` and `--days` mean. */
export function readSpan(context: Asked, { today, timezone }: Pick<Moment, "today" | "timezone">): Span {
  const { from, to = today } = readPeriod(context);
  const days = readCount(context, "days", mostDays);
  if (from !== undefined && days !== undefined) {
    throw new AppError("invalid_input", "--from and --days both say where the period begins", {
      hint: "Leave one of them out.",
    });
  }
  const first = from ?? addDays(to, 1 - (days ?? usualDays));
  if (first > to) {
    throw new AppError("invalid_input", `--from ${first} lies ahead, today is ${today}`, {
      hint: "Choose a day that has been.",
    });
  }
  return { timezone, from: first, to, environment: readEnvironment(context) };
}

/** A whole number from 1 to `most`; undefined when it was not given. */
export function readCount({ options }: Asked, name: string, most: number): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const count = typeof text === "string" && /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= most) return count;
  throw new AppError("invalid_input", `--${name} is ${JSON.stringify(text)}, expected a number from 1 to ${most}`, {
    hint: `Write --${name} 7, for example.`,
  });
}

/** What `--by` says. */
export function readGrouping({ options }: Asked, usual: Grouping): Grouping {
  const text = options["by"];
  if (text === undefined) return usual;
  const known = groupings.find((name) => name === text);
  if (known !== undefined) return known;
  const [, tag] = typeof text === "string" ? (/^tag:(.+)$/s.exec(text) ?? []) : [];
  if (tag !== undefined) return { tag };
  throw new AppError("invalid_input", `--by ${String(text)} is nothing that calls are told apart by`, {
    hint: `Use ${groupings.join(", ")}, or tag:KEY.`,
  });
}

export function refuseLongSpan({ from, to }: Span, { most, what }: { most: number; what: string }): void {
  const days = countDays(from, to) + 1;
  if (days <= most) return;
  throw new AppError("invalid_input", `${what} looks at ${most} days at most, ${from} to ${to} are ${days}`, {
    hint: `Choose a shorter period: --days ${most}.`,
  });
}
