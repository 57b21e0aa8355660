/** Rules of the house that a text search can hold: each answers the places that break it. */
import { basename } from "node:path";

import { findLines, isTest, type SourceFile } from "./source-files.ts";

const maxLines = 500;

const forbiddenName =
  /^(index|utils?|helpers?|common|shared|misc|types|constants|interfaces|base)\.|(\.(service|controller|manager)|-impl)\./;

export function findForbiddenNames(paths: readonly string[]): string[] {
  return paths.filter((path) => forbiddenName.test(basename(path)));
}

export function findLongFiles(files: readonly SourceFile[]): string[] {
  return files.filter(({ text }) => text.split("\n").length > maxLines).map(({ path }) => path);
}

/** Inside `src/` a path never climbs: it is the module's own folder or `#module`. */
export function findClimbingImports(files: readonly SourceFile[]): string[] {
  return inFolder(files, "src/").flatMap((file) => findLines(file, /(from|import\()\s*"\.\.\//));
}

/** SQL stands in the store and in the files of queries; elsewhere only COPY streams that those made are started. */
export function findStraySql(files: readonly SourceFile[]): string[] {
  return [...inFolder(files, "src/"), ...inFolder(files, "bin/")]
    .filter((file) => !isTest(file) && !/^src\/store\/|\/([\w-]+-)?queries\.ts$/.test(file.path))
    .flatMap((file) => findLines(file, /(?<![.\w])sql(<[^`]*>)?`|\.query(<[^(]*>)?\((?!copy(To|From)\()/));
}

export function findStrayEnvironment(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => !isTest(file) && !file.path.startsWith("src/config/"))
    .flatMap((file) => findLines(file, /\bprocess\.env\b/));
}

export function findStrayExits(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => !isTest(file) && !file.path.startsWith("bin/"))
    .flatMap((file) => findLines(file, /\bprocess\.(exit|reallyExit|abort)\(/));
}

export function findStrayConsole(files: readonly SourceFile[]): string[] {
  return [...inFolder(files, "src/"), ...inFolder(files, "bin/")]
    .filter((file) => !isTest(file) && !file.path.startsWith("src/cli/"))
    .flatMap((file) => findLines(file, /\bconsole\.\w+\(/));
}

/** A range lets two installs differ. */
export function findInexactVersions(dependencies: Record<string, string>): string[] {
  return Object.entries(dependencies)
    .filter(([, version]) => !/^(npm:@?[\w/.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name} ${version}`);
}

function inFolder(files: readonly SourceFile[], folder: string): SourceFile[] {
  return files.filter(({ path }) => path.startsWith(folder));
}
