/** `leveredge usage install`: the tracker by hand, without a hardening run. */
import { join } from "node:path";

import type { CommandContext } from "#cli/command.ts";
import { outcomeExit } from "#errors.ts";
import { describeWriting } from "#system/managed-file.ts";

import { trackerPath } from "./section.ts";
import { inspectTracker, writeTracker } from "./tracker.ts";

export async function runInstall(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const changes = describeWriting(await inspectTracker(app));
  await writeTracker(app);
  const path = join(app.config.platform.root, trackerPath);
  const text = changes.length === 0 ? `${path} is in place` : `${changes.join("\n")}\n${path} is in place`;
  context.output.data({ path, changes }, text);
  return outcomeExit.ok;
}
