import type { Command, CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";

import type { KnowledgeEntry } from "./schema.ts";

const defaultLimit = 50;
const maxLimit = 1000;

/** `leveredge knowledge`: what was done to the platform, in a person's words. */
export const knowledgeCommands: Command[] = [
  {
    name: "knowledge list",
    summary: "show the entries of aria_knowledge, the newest last",
    options: [{ flags: "--limit <count>", summary: `show at most so many (default ${defaultLimit})` }],
    examples: ["leveredge knowledge list", "leveredge knowledge list --limit 10 --json"],
    run: list,
  },
];

async function list(context: CommandContext): Promise<number> {
  const limit = readLimit(context.options["limit"]);
  const app = await context.openApp();
  const { listEntries } = await import("./queries.ts");
  const entries = (await listEntries(app.db, { before: undefined, limit })).toReversed();
  context.output.data({ entries }, await formatEntries(entries));
  return outcomeExit.ok;
}

async function formatEntries(entries: readonly KnowledgeEntry[]): Promise<string> {
  if (entries.length === 0) return "no entries yet";
  const { formatTable } = await import("#cli/table.ts");
  const rows = entries.map(({ createdAt, category, environment, title }) => [
    createdAt.slice(0, 19).replace("T", " "),
    category,
    environment ?? "",
    title,
  ]);
  return formatTable(["at (UTC)", "category", "environment", "title"], rows);
}

function readLimit(text: string | boolean | undefined): number {
  if (typeof text !== "string") return defaultLimit;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxLimit) return limit;
  throw new AppError("invalid_input", `--limit is ${JSON.stringify(text)}, expected 1 to ${maxLimit}`);
}
