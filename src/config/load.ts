/**
 * The configuration: one file, read as a whole. Every fault is reported at once,
 * with line, column, what stands there and what was expected; nothing that may
 * be a secret is ever shown. Loading opens no reference and asks no server.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

import { AppError, readErrorCode } from "#errors.ts";

import { crossCheck } from "./cross-checks.ts";
import { type Fault, formatFault, formatPath, sortFaults } from "./faults.ts";
import { Config } from "./schema.ts";
import { describeIssues } from "./schema-faults.ts";
import { readYaml } from "./yaml-source.ts";

export type LoadedConfig = {
  config: Config;
  path: string;
  /** Of the file's bytes. */
  sha256: string;
};

const maxConfigBytes = 1024 * 1024;

/** Reads the file at an absolute path; `invalid_input` lists every fault, one a line. */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const bytes = await readBytes(path);
  const result = parseConfig(decode(bytes, path));
  if (result.config !== undefined) {
    return { config: result.config, path, sha256: createHash("sha256").update(bytes).digest("hex") };
  }
  const lines = result.faults.map((fault) => formatFault(basename(path), fault));
  const count = lines.length === 1 ? "a fault" : `${lines.length} faults`;
  throw new AppError("invalid_input", `${path} has ${count}:\n  ${lines.join("\n  ")}`, {
    hint: `Edit ${path}; \`leveredge init FILE\` writes an example of every part.`,
  });
}

/** Either the configuration or all its faults, in the order of the file. */
export function parseConfig(text: string): { config: Config } | { config: undefined; faults: Fault[] } {
  const source = readYaml(text);
  const value = source.value;
  if (source.faults.length > 0 && value === undefined) return { config: undefined, faults: sortFaults(source.faults) };
  if (value === null || typeof value !== "object") {
    const fault = { line: 1, column: 1, path: "", text: "is empty, expected keys such as platform:" };
    return {
      config: undefined,
      faults: [value === null ? fault : { ...fault, text: "expected keys such as platform:" }],
    };
  }

  const parsed = Config.safeParse(value);
  const readable = parsed.success ? parsed.data : parseParts(value);
  const faults = [
    ...source.faults,
    ...(parsed.success ? [] : describeIssues(Config, parsed.error.issues, source)),
    ...crossCheck(readable).map(({ path, text: fault }) => ({
      ...source.findValue(path),
      path: formatPath(path),
      text: fault,
    })),
  ];
  return parsed.success && faults.length === 0
    ? { config: parsed.data }
    : { config: undefined, faults: sortFaults(faults) };
}

/** The top-level parts that are faultless by themselves. */
function parseParts(value: object): Partial<Config> {
  const parts = Object.entries(Config.shape).flatMap(([key, shape]) => {
    const parsed = shape.safeParse(Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined);
    return parsed.success ? [[key, parsed.data]] : [];
  });
  // Each key holds what that key's own schema returned.
  return Object.fromEntries(parts) as Partial<Config>;
}

async function readBytes(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw describeReadFailure(path, cause);
  }
  if (bytes.length <= maxConfigBytes) return bytes;
  throw new AppError("invalid_input", `${path} has ${bytes.length} bytes: too many for a configuration`, {
    hint: "Name the configuration with --config FILE.",
  });
}

function describeReadFailure(path: string, cause: unknown): AppError {
  const code = readErrorCode(cause);
  if (code === "EACCES") {
    return new AppError("forbidden", `${path} cannot be read by this user`, {
      cause,
      hint: `Run as the user that owns ${path}.`,
    });
  }
  return new AppError("not_found", `cannot read the configuration ${path}${code === undefined ? "" : ` (${code})`}`, {
    cause,
    hint: "Name the configuration with --config FILE.",
  });
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("invalid_input", `${path} is not UTF-8 text`, { cause, hint: `Save ${path} as UTF-8.` });
  }
}
