/**
 * Copies entries to the platform's own table, in their order. A kill between the
 * copy and the cursor repeats the copy, which finds the entries by their source.
 * Whatever is in the way is stored with its remedy: nothing is lost, the cursor
 * waits and the next attempt comes a minute later.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { redact } from "#secrets/redact.ts";
import { refusalWords } from "#store/refusal-words.ts";

import { addEntries, configuredTable, inspectTable, type PlatformTable, withPlatformTable } from "./platform-table.ts";
import { listEntriesAfter, readPublication, upsertFailure, upsertPublished } from "./queries.ts";
import type { Obstacle } from "./schema.ts";

const batchSize = 100;

/** Copies what waits, when it is due. Throws only for what the store does. */
export async function publishEntries(
  app: Pick<App, "config" | "db" | "openReference">,
  options: { signal: AbortSignal },
): Promise<void> {
  const table = configuredTable(app);
  if (table === undefined) return;
  const { waiting, isDue, lastEntryId } = await readPublication(app.db, table.target);
  if (waiting === 0 || !isDue) return;
  const obstacle = await copyEntries(app, table, lastEntryId, options.signal);
  if (obstacle !== undefined) await upsertFailure(app.db, table.target, obstacle);
}

async function copyEntries(
  app: Pick<App, "db" | "openReference">,
  table: PlatformTable,
  after: number,
  signal: AbortSignal,
): Promise<Obstacle | undefined> {
  try {
    return await withPlatformTable(app, table, { readOnly: false }, async (client) => {
      const { obstacles, columns } = await inspectTable(client, table);
      if (obstacles.length > 0) return obstacles[0];
      let position = after;
      while (!signal.aborted) {
        const entries = await listEntriesAfter(app.db, position, batchSize);
        const last = entries.at(-1);
        if (last === undefined) break;
        await addEntries(client, table, columns, entries);
        await upsertPublished(app.db, table.target, last.id);
        position = last.id;
      }
      return undefined;
    });
  } catch (error) {
    return describeFailure(error);
  }
}

/** What a database that is not ours refuses, and one that does not answer. */
function describeFailure(error: unknown): Obstacle {
  const remedy = error instanceof AppError ? error.hint : undefined;
  return { text: redact(refusalWords(error)), remedy: remedy ?? "leveredge doctor" };
}
