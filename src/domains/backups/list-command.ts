/** `leveredge backups list`. */
import type { CommandContext } from "#cli/command.ts";
import { createPaint, type Paint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit } from "#errors.ts";

import { openForSets } from "./command-work.ts";
import { describeSets, type SetOverview } from "./overview.ts";
import { formatAge, formatBytes, paintWord, wordOf } from "./words.ts";

export async function runList(context: CommandContext): Promise<number> {
  const app = await openForSets(context);
  const sets = await describeSets(app);
  const paint = createPaint({ color: context.global.color });
  const header = ["SET", "NEWEST", "SIZE", "AGE", "FILES", "LAST DRILL"].map(paint.faint);
  const now = app.now().toISOString();
  context.output.data(
    { sets },
    formatTable(
      header,
      sets.map((set) => formatSet(set, now, paint)),
    ),
  );
  return outcomeExit.ok;
}

function formatSet(
  { name, newest, files, isStale, state, lastDrill }: SetOverview,
  now: string,
  paint: Paint,
): string[] {
  const age = newest === null ? "-" : formatAge(newest.dataAt, now);
  const drilled =
    lastDrill === null
      ? paint.loose("never")
      : `${paintWord(wordOf(lastDrill), paint)}, ${formatAge(lastDrill.finishedAt, now)} ago`;
  return [
    name,
    newest?.name ?? paint.bad(state),
    newest === null ? "-" : formatBytes(newest.sizeBytes),
    isStale ? paint.loose(age) : age,
    String(files),
    drilled,
  ];
}
