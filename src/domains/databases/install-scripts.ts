/**
 * The scripts that section 1 puts on the platform, under the names that its cron
 * lines use. A script is three lines that name this program's absolute paths, so
 * that it runs from cron, where there is no PATH.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import type { App } from "#app.ts";
import { programRoot } from "#config/state-directory.ts";
import { inspectManagedFile, type ManagedFile, type WantedFile, writeManagedFile } from "#system/managed-file.ts";

import { listScripts } from "./section.ts";

/** What a script needs to know about this program. */
export type ScriptApp = Pick<App, "config" | "configPath" | "stateDir">;

const mode = 0o755;

/** The program that scripts call. */
export const programPath = join(programRoot, "bin/leveredge.ts");

/** What each script must be, and what is there now. Reads only. */
export async function inspectScripts(app: ScriptApp): Promise<ManagedFile[]> {
  return Promise.all((await renderScripts(app)).map(inspectManagedFile));
}

/** Writes the scripts as the owner of the root. */
export async function writeScripts(app: ScriptApp): Promise<void> {
  for (const script of await renderScripts(app)) await writeManagedFile(script);
}

function renderScripts(app: ScriptApp): Promise<WantedFile[]> {
  const { root } = app.config.platform;
  return Promise.all(
    listScripts(app.config).map(async (path) => ({ root, path, content: await renderScript(app, path), mode })),
  );
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

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
