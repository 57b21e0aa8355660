/** The store without its keys, for commands that look at a sealed one or open it again. They need no configuration. */
import type { CommandContext } from "#cli/command.ts";
import { readDatabaseUrl } from "#config/database-url.ts";
import { readVariable } from "#config/environment.ts";
import { readVersion } from "#config/program-version.ts";
import { resolveStateDirectory } from "#config/state-directory.ts";
import { AppError } from "#errors.ts";
import type { Db } from "#store/database.ts";

/** Opens the store, does the work and closes it. A store that is not there is not made. */
export async function withSealedStore<T>(
  { global, signal }: Pick<CommandContext, "global" | "signal">,
  work: (store: { db: Db; stateDir: string }) => Promise<T>,
): Promise<T> {
  const { listServerNames } = await import("#store/server.ts");
  const { openStore } = await import("#store/store.ts");
  const stateDir = resolveStateDirectory(global.state);
  const databaseUrl = await readDatabaseUrl();
  if (databaseUrl === undefined && !(await listServerNames(stateDir)).includes("store")) {
    throw new AppError("not_found", `there is no store in ${stateDir}`, {
      hint: "Name the state directory with --state DIR, or set DATABASE_URL.",
    });
  }
  const store = await openStore({
    directory: stateDir,
    databaseUrl,
    runtimeDirectory: readVariable("XDG_RUNTIME_DIR"),
    appliedBy: `leveredge ${readVersion()}`,
    signal,
  });
  try {
    return await work({ db: store.db, stateDir });
  } finally {
    await store.close();
  }
}
