/** Calls in a file, one after another: CSV with a line of column names, or JSON lines. */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";

import { parse } from "csv-parse";

import { Call } from "#domains/usage/usage.ts";
import { AppError } from "#errors.ts";

export type ImportFormat = "csv" | "jsonl";

/** What stands on a line of the file; a line that cannot be read has a reason instead. */
export type ImportedLine = { line: number; value: Record<string, unknown> } | { line: number; reason: string };

const longestLine = 1024 * 1024;
const truths: Readonly<Record<string, boolean>> = {
  true: true,
  t: true,
  "1": true,
  false: false,
  f: false,
  "0": false,
};

/** By its name; undefined where that says nothing. */
export function guessFormat(path: string): ImportFormat | undefined {
  if (/\.csv$/i.test(path)) return "csv";
  return /\.(jsonl|ndjson)$/i.test(path) ? "jsonl" : undefined;
}

/** Columns that the ledger has none of are left out; `ignored` is told their names. */
export async function* readLines(
  path: string,
  format: ImportFormat,
  ignored: Set<string>,
): AsyncGenerator<ImportedLine> {
  const input = path === "-" ? process.stdin : createReadStream(path);
  try {
    for await (const one of format === "csv" ? readCsv(input) : readJsonLines(input)) {
      yield "reason" in one ? one : { ...one, value: keepKnown(one.value, ignored) };
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("invalid_input", `cannot read ${path}: ${why}`, { cause });
  } finally {
    input.destroy();
  }
}

async function* readCsv(input: Readable): AsyncGenerator<ImportedLine> {
  const records = input.pipe(parse({ bom: true, columns: true, info: true, max_record_size: longestLine, trim: true }));
  input.once("error", (error) => records.destroy(error));
  for await (const record of records) {
    // `info` makes each record one of these.
    const { record: fields, info } = record as { record: Record<string, string>; info: { lines: number } };
    const said = Object.entries(fields).filter(([, text]) => text !== "" && text !== "NULL" && text !== "\\N");
    yield { line: info.lines, value: Object.fromEntries(said.map(([name, text]) => [name, readCell(name, text)])) };
  }
}

/** A cell is text; what it means its column says. What does not fit is left for the ledger to refuse. */
function readCell(name: string, text: string): unknown {
  if (name === "tags") return parseOr(text);
  if (name === "is_estimated") return truths[text.toLowerCase()] ?? text;
  const isCount = /_tokens$|^web_searches$/.test(name);
  return isCount && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

async function* readJsonLines(input: Readable): AsyncGenerator<ImportedLine> {
  let rest = "";
  let line = 0;
  for await (const chunk of input.setEncoding("utf8")) {
    // With an encoding, chunks are text.
    const lines = (rest + (chunk as string)).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) {
      line += 1;
      if (text.trim() !== "") yield readJsonLine(text, line);
    }
    if (rest.length > longestLine) throw new AppError("invalid_input", `line ${line + 1} is longer than 1 MiB`);
  }
  if (rest.trim() !== "") yield readJsonLine(rest, line + 1);
}

function readJsonLine(text: string, line: number): ImportedLine {
  const value = parseOr(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  // An object's keys are text.
  return isObject ? { line, value: value as Record<string, unknown> } : { line, reason: "is not a JSON object" };
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It stays text, which is then refused where it stands.
    return text;
  }
}

function keepKnown(value: Record<string, unknown>, ignored: Set<string>): Record<string, unknown> {
  const known = Object.entries(value).filter(([name]) => {
    const isKnown = Object.hasOwn(Call.shape, name);
    if (!isKnown) ignored.add(name);
    return isKnown;
  });
  return Object.fromEntries(known);
}
