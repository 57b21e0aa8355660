/** `leveredge backups verify`. */
import { resolve } from "node:path";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { createPaint } from "#cli/paint.ts";
import { resolveStateDirectory } from "#config/state-directory.ts";
import { AppError } from "#errors.ts";
import type { Tick } from "#jobs/schema.ts";
import { withTick } from "#jobs/ticks.ts";
import { splitVia } from "#postgres/configured-target.ts";
import { runProgram } from "#system/run.ts";

import { openForSets, requester, textOf, workOf } from "./command-work.ts";
import { drillFile } from "./drill.ts";
import { findManifestBeside, readManifest } from "./manifest.ts";
import { listSchedules } from "./schedules.ts";
import { drillSet } from "./set-drill.ts";
import type { DrillResult, SetDrill } from "./schema.ts";
import { type BackupSet, findSet } from "./sets.ts";
import { exitOfDrills, formatDrills, formatMs, paintWord, wordOf } from "./words.ts";

export async function runVerify(context: CommandContext): Promise<number> {
  const { options } = context;
  const file = textOf(options["file"]);
  if (file !== undefined) return verifyFile(context, resolve(file));
  if (options["manifest"] !== undefined || options["via"] !== undefined) {
    throw new AppError("invalid_input", "--manifest and --via go with --file", {
      hint: "Name the dump with --file PATH.",
    });
  }
  const app = await openForSets(context);
  const [name] = context.arguments;
  const sets = name === undefined ? app.config.backups : [findSet(app.config, name)];
  const drills: SetDrill[] = [];
  const taken: Tick[] = [];
  for (const set of sets) {
    const answer = await drillInTurn(context, app, set);
    if (answer.state === "worked") drills.push(answer.result);
    else taken.push(answer.tick);
  }
  const others = taken.map((tick) => `${tick.schedule} is being worked on by ${tick.claimedBy}`);
  const table = drills.length === 0 ? [] : [formatDrills(drills, createPaint({ color: context.global.color }))];
  context.output.data({ drills, taken }, [...table, ...others].join("\n"));
  return exitOfDrills(drills);
}

/** With `--tick`, a set whose due time somebody else noticed first is theirs. */
async function drillInTurn(
  context: CommandContext,
  app: App,
  set: BackupSet,
): Promise<{ state: "worked"; result: SetDrill } | { state: "taken"; tick: Tick }> {
  const { progress, signal } = workOf(context);
  const drill = (): Promise<SetDrill> =>
    drillSet(app, set, {
      requestedBy: requester(),
      useFileChecksum: context.options["fileChecksum"] !== false,
      signal,
      progress: (text, done, total) => progress(`${set.name}: ${text}`, done, total),
    });
  const [schedule] = context.options["tick"] === true ? listSchedules({ backups: [set] }) : [];
  if (schedule === undefined) return { state: "worked", result: await drill() };
  return withTick(app, schedule, requester(), async () => {
    const result = await drill();
    return { outcome: wordOf(result), result };
  });
}

/** Of a file that belongs to no set nothing is stored, and it has no age that it must not exceed. */
async function verifyFile(context: CommandContext, file: string): Promise<number> {
  if (context.arguments.length > 0) {
    throw new AppError("invalid_input", "--file names a dump of no set", { hint: "Leave out the set, or --file." });
  }
  const manifest = textOf(context.options["manifest"]);
  const manifestPath =
    manifest === undefined ? await findManifestBeside(file) : await findNamedManifest(resolve(manifest));
  const via = splitVia(textOf(context.options["via"]));
  const app = { run: runProgram, stateDir: resolveStateDirectory(context.global.state), now: () => new Date() };
  const result = await drillFile(app, {
    file,
    ...(manifestPath === undefined ? {} : { manifestPath }),
    ...(via.length === 0 ? {} : { via }),
    useFileChecksum: context.options["fileChecksum"] !== false,
    ...workOf(context),
  });
  context.output.data({ file, manifestPath: manifestPath ?? null, ...result }, formatResult(context, file, result));
  return exitOfDrills([{ verdict: result.verdict, stale: false }]);
}

/** A wrong name is the caller's mistake; a manifest that is there and damaged is the drill's answer. */
async function findNamedManifest(path: string): Promise<string> {
  await readManifest(path).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== "invalid_input") throw error;
  });
  return path;
}

function formatResult(context: CommandContext, file: string, result: DrillResult): string {
  const paint = createPaint({ color: context.global.color });
  const assurance = result.verdict === "verified" ? ` (${String(result.assurance)})` : "";
  const times = [
    ...(result.restoreMs === null ? [] : [`restored in ${formatMs(result.restoreMs)}`]),
    ...(result.verifyMs === null ? [] : [`compared in ${formatMs(result.verifyMs)}`]),
  ];
  return [
    `${file}: ${paintWord(result.verdict, paint)}${assurance}`,
    `  ${result.why}`,
    ...(times.length === 0 ? [] : [`  ${times.join(", ")}`]),
    ...result.notes.map((note) => `  ${paint.faint(note)}`),
  ].join("\n");
}
