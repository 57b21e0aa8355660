/** `leveredge usage verify`, `rebuild` and `reprice`. */
import type { Command } from "#cli/command.ts";
import { periodOptions, readPeriod } from "#cli/period.ts";
import { outcomeExit } from "#errors.ts";
import { currentUser } from "#system/user.ts";

import type { SumsVerdict } from "./verify.ts";

const verify: Command = {
  name: "usage verify",
  summary: "prove that the sums by day are what the single calls add up to",
  options: periodOptions,
  examples: ["leveredge usage verify", "leveredge usage verify --from 2026-01-01 --json"],
  run: async (context) => {
    const { verifySums } = await import("./verify.ts");
    const app = await context.openApp();
    const verdict = await verifySums(app, readPeriod(context));
    context.output.data(verdict, describe(verdict));
    const { timezone } = app.config.platform;
    if (verdict.firstDay !== undefined && verdict.timezone !== timezone) {
      context.output.say(`platform.timezone is ${timezone} by now: leveredge usage rebuild`);
    }
    if (verdict.equal) return outcomeExit.ok;
    context.output.say("Make them anew: leveredge usage rebuild");
    return outcomeExit.failed;
  },
};

const rebuild: Command = {
  name: "usage rebuild",
  summary: "make the sums by day anew from the single calls, as far back as these are kept",
  options: periodOptions,
  examples: ["leveredge usage rebuild", "leveredge usage rebuild --from 2026-01-01 --to 2026-01-31"],
  run: async (context) => {
    const { rebuildSums } = await import("./rebuild.ts");
    const { output, signal } = context;
    const rebuilt = await rebuildSums(await context.openApp(), {
      period: readPeriod(context),
      actor: `cli:${currentUser()}`,
      signal,
      progress: (text, done, total) => {
        if (output.live) output.say(total === undefined ? text : `${text}: ${done} of ${total}`);
      },
    });
    output.data(rebuilt, `${rebuilt.days} days are counted anew, by days of ${rebuilt.timezone}`);
    return outcomeExit.ok;
  },
};

const reprice: Command = {
  name: "usage reprice",
  summary: "price calls anew, after a price came to usage.prices or to the catalog",
  options: [
    ...periodOptions,
    { flags: "--model <name>", summary: "only the calls of one model" },
    { flags: "--plan", summary: "show what would change, write nothing" },
  ],
  examples: ["leveredge usage reprice --plan", "leveredge usage reprice --model in-house-7b --from 2026-01-01"],
  run: async (context) => {
    const { repriceCalls } = await import("./reprice.ts");
    const { describeRepricing, toJson } = await import("./reprice-words.ts");
    const { options, output, signal } = context;
    const isPlan = options["plan"] === true;
    const repriced = await repriceCalls(await context.openApp(), {
      period: readPeriod(context),
      model: typeof options["model"] === "string" ? options["model"] : undefined,
      isPlan,
      actor: `cli:${currentUser()}`,
      signal,
      progress: (text, done) => {
        if (output.live) output.say(`${text}: ${done}`);
      },
    });
    const { models, calls, unpricedCalls } = repriced;
    output.data(
      { plan: isPlan, models: models.map(toJson), calls, unpricedCalls },
      describeRepricing(repriced, isPlan),
    );
    return outcomeExit.ok;
  },
};

export const ledgerCommands: Command[] = [verify, rebuild, reprice];

function describe({ equal, rows, differing, timezone, firstDay, differences }: SumsVerdict): string {
  if (firstDay === undefined) return "no call has been recorded";
  if (equal) return `${rows} sums by days of ${timezone} are what the calls add up to, from ${firstDay} on`;
  const lines = differences.map(({ table, day, key, stored, counted }) => {
    const fields = Object.keys(stored ?? counted ?? {}).filter((field) => stored?.[field] !== counted?.[field]);
    const values = fields.map(
      (field) => `${field} ${stored?.[field] ?? "none"}, counted ${counted?.[field] ?? "none"}`,
    );
    const names = Object.entries(key).map(([name, value]) => (value === "" ? [] : `${name} ${value}`));
    return `${[day, ...names.flat()].join(", ")} in ${table}: ${values.join("; ")}`;
  });
  return [`${differing} of ${rows} sums are not what the calls add up to`, ...lines].join("\n");
}
