/** `leveredge usage summary`, `top`, `forecast`, `anomalies` and `export`. */
import type { Command, Option } from "#cli/command.ts";
import { periodOptions } from "#cli/period.ts";

const environmentOption: Option = {
  flags: "--environment <environment>",
  summary: "only the calls of one; else of all",
  choices: ["dev", "prod", "shared"],
};
const spanOptions: Option[] = [
  ...periodOptions,
  { flags: "--days <number>", summary: "so many days up to the last one (default 30)" },
  environmentOption,
];
const by = "day, agent, model, operation, provider, credential, environment or tag:KEY";

const summary: Command = {
  name: "usage summary",
  summary: "what calls cost in a period, day by day or by whatever tells them apart",
  options: [...spanOptions, { flags: "--by <grouping>", summary: `${by} (default day)` }],
  examples: [
    "leveredge usage summary",
    "leveredge usage summary --by agent --days 7",
    "leveredge usage summary --by tag:project --from 2026-01-01 --to 2026-01-31 --json",
  ],
  run: async (context) => (await import("./summary-commands.ts")).runSummary(context),
};

const top: Command = {
  name: "usage top",
  summary: "what costs the most, with its share of the whole",
  options: [
    ...spanOptions,
    { flags: "--by <grouping>", summary: `${by} (default model)` },
    { flags: "--limit <number>", summary: "how many (default 10)" },
  ],
  examples: ["leveredge usage top", "leveredge usage top --by agent --limit 5 --environment prod"],
  run: async (context) => (await import("./summary-commands.ts")).runTop(context),
};

const forecast: Command = {
  name: "usage forecast",
  summary: "what this month will have cost, by what the same weekdays cost before",
  options: [environmentOption],
  examples: ["leveredge usage forecast", "leveredge usage forecast --environment prod --json"],
  run: async (context) => (await import("./forecast-command.ts")).runForecast(context),
};

const anomalies: Command = {
  name: "usage anomalies",
  summary: "days that cost far more than the four weeks before them, and agents and models that are new",
  options: spanOptions,
  examples: ["leveredge usage anomalies", "leveredge usage anomalies --days 7 --json"],
  run: async (context) => (await import("./anomalies-command.ts")).runAnomalies(context),
};

const exportCalls: Command = {
  name: "usage export",
  summary: "the single calls as CSV or JSON lines; `usage import` reads the latter again",
  options: [
    { flags: "--format <format>", summary: "where the file's name does not say it", choices: ["csv", "jsonl"] },
    { flags: "--out <file>", summary: "made anew for this user alone; else stdout" },
    ...periodOptions,
    environmentOption,
    { flags: "--agent <name>", summary: "only the calls of one agent" },
    { flags: "--model <name>", summary: "only the calls of one model" },
  ],
  examples: [
    "leveredge usage export --out calls.csv --from 2026-01-01 --to 2026-01-31",
    "leveredge usage export --format jsonl --agent CHIRON",
  ],
  run: async (context) => (await import("./export-command.ts")).runExport(context),
};

export const insightCommands: Command[] = [summary, top, forecast, anomalies, exportCalls];
