/**
 * The scripts that section 1 puts on the platform, under the names that its cron
 * lines use. A script is three lines that name this program's absolute paths, so
 * that it runs from cron, where there is no PATH.
 *
 * A file of the same name that is not ours is kept beside it, never lost.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, readFile, realpath } from "node:fs/promises";
import { basename, join } from "node:path";

import type { App } from "#app.ts";
import { programRoot } from "#config/state-directory.ts";
import { AppError } from "#errors.ts";
import { findOwner } from "#system/owner.ts";
import { writeFileAtomically } from "#system/write-file.ts";

import { listScripts } from "./section.ts";

/** What a script needs to know about this program. */
export type ScriptApp = Pick<App, "config" | "configPath" | "stateDir">;

export type InstalledScript = {
  path: string;
  state: "current" | "absent" | "outdated" | "foreign";
  content: string;
  /** Where a foreign file goes; undefined when it is kept there already. */
  keepAs: string | undefined;
};

const marker = "# Managed by LeverEdge:";
const mode = 0o755;
const maxKept = 99;

/** The program that scripts call. */
export const programPath = join(programRoot, "bin/leveredge.ts");

/** What each script must be, and what is there now. Reads only. */
export function inspectScripts(app: ScriptApp): Promise<InstalledScript[]> {
  return Promise.all(listScripts(app.config).map((path) => inspectScript(app, path)));
}

/** Writes the scripts as the owner of the root. A foreign file is on disk under its other name before ours replaces it. */
export async function writeScripts(app: ScriptApp): Promise<void> {
  const { root } = app.config.platform;
  for (const script of await inspectScripts(app)) {
    if (script.state === "current") continue;
    const owner = await findOwner(root);
    const foreign = script.keepAs === undefined ? undefined : await readInside(root, script.path);
    if (script.keepAs !== undefined && foreign !== undefined) {
      await writeFileAtomically({ root, path: script.keepAs, content: foreign.content, mode: foreign.mode, owner });
    }
    await writeFileAtomically({ root, path: script.path, content: script.content, mode, owner });
  }
}

async function inspectScript(app: ScriptApp, path: string): Promise<InstalledScript> {
  const { root } = app.config.platform;
  const content = await renderScript(app, path);
  const found = await readInside(root, path);
  const part = { path, content, keepAs: undefined };
  if (found === undefined) return { ...part, state: "absent" };
  if (!found.content.includes(marker)) {
    return { ...part, state: "foreign", keepAs: await findKeepingPlace(root, path, found.content) };
  }
  const isCurrent = found.content === content && found.mode === mode;
  return { ...part, state: isCurrent ? "current" : "outdated" };
}

/** The script as it must be for this program, configuration and state directory; its template has the same name. */
async function renderScript(app: Pick<App, "configPath" | "stateDir">, path: string): Promise<string> {
  const template = await readFile(join(programRoot, "scripts", basename(path)), "utf8");
  const values: Record<string, string> = {
    node: process.execPath,
    program: programPath,
    config: app.configPath,
    state: app.stateDir,
  };
  return template.replaceAll(/@([a-z]+)@/g, (placeholder, name: string) => {
    const value = values[name];
    return value === undefined ? placeholder : quoteForShell(value);
  });
}

/** SHA-256 of a script's content: what a plan promises and a proof shows. */
export function digestScript(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A file below the root with its mode; undefined when there is none, `conflict` when a link leads out. */
async function readInside(root: string, path: string): Promise<{ content: string; mode: number } | undefined> {
  const full = join(root, path);
  try {
    const [realRoot, real] = await Promise.all([realpath(root), realpath(full)]);
    if (!real.startsWith(`${realRoot}/`)) {
      throw new AppError("conflict", `${full} leads out of the platform's root to ${real}`, {
        hint: `Replace the link at ${full} by a real file or directory.`,
      });
    }
    const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = await file.stat();
      if (!status.isFile()) throw new AppError("conflict", `${full} is not a file`, { hint: `Move ${full} away.` });
      return { content: await file.readFile("utf8"), mode: status.mode & 0o777 };
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new AppError("forbidden", `cannot read ${full}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      hint: `Make ${full} readable for this user.`,
    });
  }
}

/** The first free name to keep a foreign file under; undefined when it is kept already. */
async function findKeepingPlace(root: string, script: string, content: string): Promise<string | undefined> {
  for (let copy = 1; copy <= maxKept; copy += 1) {
    const path = `${script}.before-leveredge${copy === 1 ? "" : `.${copy}`}`;
    const kept = await readInside(root, path);
    if (kept === undefined) return path;
    if (kept.content === content) return undefined;
  }
  throw new AppError("conflict", `${maxKept} files named ${script}.before-leveredge… are kept already`, {
    hint: "Remove those that nobody needs.",
  });
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
