/** Health of the platform's own knowledge table: does it take entries, and do any wait? Reads only. */
import type { App } from "#app.ts";
import { formatTableName } from "#config/table-name.ts";
import { parseReference } from "#config/references.ts";
import type { Check } from "#domain.ts";
import { AppError } from "#errors.ts";

import { configuredTable, inspectTable, type PlatformTable, withPlatformTable } from "./platform-table.ts";
import { readPublication } from "./queries.ts";
import type { Publication } from "./schema.ts";

/** Nothing where the configuration names no table: the store's own is always there. */
export async function checkKnowledge(app: Pick<App, "config" | "db" | "openReference">): Promise<Check[]> {
  const table = configuredTable(app);
  if (table === undefined) return [];
  const subject = `knowledge table ${formatTableName(table.name)}`;
  return [{ subject, ...(await judge(app, table)) }];
}

async function judge(app: Pick<App, "db" | "openReference">, table: PlatformTable): Promise<Omit<Check, "subject">> {
  try {
    const [obstacle] = await withPlatformTable(app, table, { readOnly: true }, async (client) => {
      const { obstacles } = await inspectTable(client, table);
      return obstacles;
    });
    if (obstacle !== undefined) return { state: "failed", detail: obstacle.text, remedy: obstacle.remedy };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // A vault reference is no evidence against the database behind it.
    const state = parseReference(table.reference)?.kind === "vault" ? "unknown" : "failed";
    return { state, detail: error.message, remedy: error.hint ?? "leveredge doctor" };
  }
  return judgeWaiting(await readPublication(app.db, table.target));
}

function judgeWaiting({ waiting, failure, remedy }: Publication): Omit<Check, "subject"> {
  if (failure === null) return { state: "ok", detail: `takes entries, ${waiting} wait` };
  const detail = `${waiting} entries wait: ${failure}`;
  return { state: "loose", detail, remedy: remedy ?? "leveredge doctor" };
}
