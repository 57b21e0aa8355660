/**
 * `leveredge usage export`: single calls, part by part, so that a year of them takes no
 * more memory than a day. A file appears when it is whole; stdout may be closed at any time.
 */
import { realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { readPeriod } from "#cli/period.ts";
import { allowLongStatements, type Place, readInOrder } from "#domains/usage/usage.ts";
import { AppError, outcomeExit, readErrorCode } from "#errors.ts";
import { formatCount } from "#prices/usd.ts";
import { transaction } from "#store/database.ts";
import { writeFileAtomically } from "#system/write-file.ts";

import { lookAtSums, readEnvironment } from "./asked.ts";
import { type ExportFormat, formatHeader, formatLine } from "./export-lines.ts";
import { exportColumns, listCalls, type Wanted } from "./export-queries.ts";
import { count, describeNothing } from "./words.ts";

const callsAtOnce = 2_000;
const tellEvery = 50_000;
const [earliest, latest] = ["2020-01-01", "2099-12-31"];

export async function runExport(context: CommandContext): Promise<number> {
  const { output, options } = context;
  const out = typeof options["out"] === "string" && options["out"] !== "-" ? options["out"] : undefined;
  const format = readFormat(context, out);
  if (out === undefined && context.global.json) {
    throw new AppError("invalid_input", "--json tells what was written, and the calls go to stdout themselves", {
      hint: "Add --out FILE, or leave --json out.",
    });
  }
  const app = await context.openApp();
  const environment = readEnvironment(context);
  const moment = await lookAtSums(app, environment, (_, seen) => Promise.resolve(seen));
  const { from = earliest, to = latest } = readPeriod(context);
  const span = { timezone: moment.timezone, environment, from, to };
  const wanted = { span, agent: readName(options["agent"]), model: readName(options["model"]) };
  const written = { calls: 0 };
  const text = formatCalls(app, { context, wanted, format, written });
  if (out === undefined) await writeToStdout(text);
  else await writeToFile(out, text);

  const isNothing = written.calls === 0;
  const isKnown = moment.firstDay !== null && moment.firstDay <= to && (moment.lastDay ?? "") >= from;
  if (isNothing) output.say(isKnown ? "no call is of that kind" : describeNothing(span, moment));
  if (out !== undefined) {
    output.data({ file: out, format, calls: written.calls }, `${count(written.calls, "call", "calls")} in ${out}`);
  }
  return outcomeExit.ok;
}

function readFormat({ options }: CommandContext, out: string | undefined): ExportFormat {
  const said = options["format"] ?? /\.(csv|jsonl|ndjson)$/i.exec(out ?? "")?.[1]?.toLowerCase();
  if (said === "csv") return "csv";
  if (said === "jsonl" || said === "ndjson") return "jsonl";
  throw new AppError("invalid_input", out === undefined ? "--format is missing" : `${out} does not say its format`, {
    hint: "Add --format csv or --format jsonl.",
  });
}

function readName(text: string | boolean | undefined): string | undefined {
  return typeof text === "string" ? text : undefined;
}

/** A part at a time. What is recorded meanwhile may be in it or not; no call is in it twice. */
async function* formatCalls(
  app: Pick<App, "db">,
  {
    context: { output, signal },
    wanted,
    format,
    written,
  }: { context: CommandContext; wanted: Wanted; format: ExportFormat; written: { calls: number } },
): AsyncGenerator<string> {
  const header = formatHeader(exportColumns, format);
  if (header !== "") yield header;
  let after: Place | undefined;
  for (;;) {
    signal.throwIfAborted();
    const place = after;
    const calls = await transaction(app.db, async (tx) => {
      await allowLongStatements(tx);
      await readInOrder(tx);
      return listCalls(tx, { ...wanted, after: place, limit: callsAtOnce });
    });
    if (calls.length > 0) yield calls.map(({ values }) => formatLine(exportColumns, values, format)).join("");
    written.calls += calls.length;
    if (output.live && calls.length > 0 && written.calls % tellEvery === 0) {
      output.say(`… ${formatCount(written.calls)} calls`);
    }
    if (calls.length < callsAtOnce) return;
    after = calls.at(-1);
  }
}

/** A reader that goes away, as `head` does, has what it wanted. */
async function writeToStdout(text: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(text, { highWaterMark: 1 }), process.stdout, { end: false });
  } catch (error) {
    if (readErrorCode(error) !== "EPIPE") throw error;
  }
}

/** For this user alone: what agents say of their calls may be anything. */
async function writeToFile(out: string, text: AsyncIterable<string>): Promise<void> {
  const path = await realpath(out).catch(() => resolve(out));
  const root = dirname(path);
  let failure: unknown;
  const remembering = async function* (): AsyncGenerator<string> {
    try {
      yield* text;
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  try {
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    await writeFileAtomically({ root, path: basename(path), content: remembering(), mode: 0o600, owner });
  } catch (error) {
    // Of the store, or of Ctrl-C: the file has no part in that.
    throw failure ?? error;
  }
}
