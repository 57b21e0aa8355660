/** The platform's `cost_tracker.py`: what it must be, and what is there. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { App } from "#app.ts";
import { programRoot } from "#config/state-directory.ts";
import { inspectManagedFile, type ManagedFile, type WantedFile, writeManagedFile } from "#system/managed-file.ts";

import { trackerPath } from "./section.ts";

type TrackerApp = { config: Pick<App["config"], "platform"> };

/** Reads only. */
export async function inspectTracker(app: TrackerApp): Promise<ManagedFile> {
  return inspectManagedFile(await wantedTracker(app));
}

/** Writes it; a file of somebody else is kept beside it. */
export async function writeTracker(app: TrackerApp): Promise<void> {
  await writeManagedFile(await wantedTracker(app));
}

async function wantedTracker({ config }: TrackerApp): Promise<WantedFile> {
  const content = await readFile(join(programRoot, "templates/cost_tracker.py"), "utf8");
  return { root: config.platform.root, path: trackerPath, content, mode: 0o644 };
}
