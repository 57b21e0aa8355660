/** `leveredge usage import` and `install`. */
import type { Command } from "#cli/command.ts";

export const ingestCommands: Command[] = [
  {
    name: "usage import",
    summary: "record calls from a CSV or JSONL file; what is in the ledger already is not booked again",
    arguments: [{ syntax: "<file>", summary: "CSV with a line of column names, or a JSON object a line; - for stdin" }],
    options: [
      { flags: "--format <format>", summary: "where the name does not say it", choices: ["csv", "jsonl"] },
      {
        flags: "--environment <environment>",
        summary: "of calls that name none (default prod)",
        choices: ["dev", "prod", "shared"],
      },
      { flags: "--dry-run", summary: "read and check everything, record nothing" },
    ],
    examples: ["leveredge usage import calls.csv", "leveredge usage import --dry-run --environment dev calls.jsonl"],
    run: async (context) => (await import("./import-command.ts")).runImport(context),
  },
  {
    name: "usage install",
    summary: "put cost_tracker.py into the platform's shared/lib, as the hardening run does",
    examples: ["leveredge usage install"],
    run: async (context) => (await import("./install-command.ts")).runInstall(context),
  },
];
