/** Calls in a file, one after another: CSV with a line of column names, or JSON lines. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

import { parse } from "csv-parse";

import { Call } from "#domains/usage/usage.ts";
import { AppError, readErrorCode } from "#errors.ts";

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
    const text = decode(input);
    for await (const one of format === "csv" ? readCsv(text) : readJsonLines(text)) {
      yield "reason" in one ? one : { ...one, value: keepKnown(one.value, ignored) };
    }
  } catch (cause) {
    if (readErrorCode(cause) === "ENOENT") {
      throw new AppError("not_found", `there is no file ${path}`, { hint: "Give its path, or - for stdin.", cause });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = cause instanceof AppError ? cause.hint : undefined;
    throw new AppError("invalid_input", `cannot read ${path}: ${why}`, {
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  } finally {
    input.destroy();
  }
}

async function* readCsv(text: AsyncIterable<string>): AsyncGenerator<ImportedLine> {
  const skipped: ImportedLine[] = [];
  const records = parse({
    ...{ columns: true, info: true, max_record_size: longestLine, trim: true, skip_records_with_error: true },
    on_skip: (error) =>
      void skipped.push({ line: Number(error?.["lines"] ?? 0), reason: error?.message ?? "cannot be read" }),
  });
  const input = Readable.from(text);
  input.once("error", (error) => records.destroy(error));
  for await (const record of input.pipe(records)) {
    yield* skipped.splice(0);
    // `info` makes each record one of these.
    const { record: fields, info } = record as { record: Record<string, string>; info: { lines: number } };
    const said = Object.entries(fields).filter(([, cell]) => cell !== "" && cell !== "NULL" && cell !== "\\N");
    yield { line: info.lines, value: Object.fromEntries(said.map(([name, cell]) => [name, readCell(name, cell)])) };
  }
  yield* skipped;
}

/** A cell is text; what it means its column says. What does not fit is left for the ledger to refuse. */
function readCell(name: string, text: string): unknown {
  if (name === "tags") return parseOr(text);
  if (name === "is_estimated") return truths[text.toLowerCase()] ?? text;
  const isCount = /_tokens$|^web_searches$/.test(name);
  return isCount && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** Bytes that are none are refused: replaced, they would be booked as another name. */
async function* decode(input: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    // Of a stream without an encoding.
    for await (const chunk of input) yield decoder.decode(chunk as Buffer, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (readErrorCode(cause) !== "ERR_ENCODING_INVALID_ENCODED_DATA") throw cause;
    throw new AppError("invalid_input", "it is not text in UTF-8", {
      hint: "Convert it first: iconv -f LATIN1 -t UTF-8 FILE",
      cause,
    });
  }
}

async function* readJsonLines(text: AsyncIterable<string>): AsyncGenerator<ImportedLine> {
  let rest = "";
  let line = 0;
  for await (const chunk of text) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const one of lines) {
      line += 1;
      if (one.trim() !== "") yield readJsonLine(one, line);
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
