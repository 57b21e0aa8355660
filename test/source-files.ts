/** The repository's own source, as text: what architecture and guard tests read. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { programRoot } from "#config/state-directory.ts";

/** `path` is relative to the repository: `src/config/load.ts`. */
export type SourceFile = { path: string; text: string };

export type Import = {
  /** A file of the repository, or the name of a package: `src/errors.ts`, `node:fs`, `zod`. */
  target: string;
  isTypeOnly: boolean;
};

const sourceFolders = "{src,bin,scripts,sample,test,bench,sdk}";

export function readSourceFiles(): SourceFile[] {
  return globSync(`${sourceFolders}/**/*.ts`, { cwd: programRoot })
    .filter((path) => !path.startsWith("sdk/dist/"))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(programRoot, path), "utf8") }));
}

export function isTest({ path }: SourceFile): boolean {
  return path.endsWith(".test.ts") || /^(sdk\/)?test\//.test(path);
}

/** Static and dynamic imports and re-exports. */
export function listImports(file: SourceFile): Import[] {
  const found = [
    ...file.text.matchAll(/^(?:import|export)(?<type>\s+type)?\b(?<names>[^;"'`]*?)\bfrom\s+"(?<from>[^"]+)"/gm),
    ...file.text.matchAll(/^import\s+"(?<from>[^"]+)"/gm),
    ...file.text.matchAll(/\bimport\(\s*"(?<from>[^"]+)"\s*\)/g),
  ];
  return found.map(({ groups }) => ({
    target: resolveTarget(file.path, groups?.["from"] ?? ""),
    isTypeOnly: groups?.["type"] !== undefined || hasOnlyTypes(groups?.["names"]),
  }));
}

/** Every line of code that matches, as `path:line`; comment lines are left out. */
export function findLines(file: SourceFile, pattern: RegExp): string[] {
  return file.text.split("\n").flatMap((line, index) => {
    if (/^\s*(\/\/|\/?\*)/.test(line) || !pattern.test(line)) return [];
    return [`${file.path}:${index + 1}`];
  });
}

function hasOnlyTypes(names: string | undefined): boolean {
  const listed = /^\s*\{(?<list>[^}]*)\}\s*$/.exec(names ?? "")?.groups?.["list"];
  if (listed === undefined) return false;
  const parts = listed
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return parts.length > 0 && parts.every((part) => part.startsWith("type "));
}

function resolveTarget(importer: string, specifier: string): string {
  if (specifier.startsWith("#test/")) return specifier.slice(1);
  if (specifier.startsWith("#")) return `src/${specifier.slice(1)}`;
  return specifier.startsWith(".") ? join(dirname(importer), specifier) : specifier;
}
