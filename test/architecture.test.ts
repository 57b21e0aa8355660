import assert from "node:assert/strict";
import { test } from "node:test";

import { domainEdges, findCircle, findForbiddenImports, findUnknownModules } from "./import-table.ts";
import { listImports, readSourceFiles, type SourceFile } from "./source-files.ts";

const files = readSourceFiles();

function file(path: string, ...imports: string[]): SourceFile {
  return { path, text: imports.join("\n") };
}

/** The files that one file brings along, itself included, and the packages. */
function collectImports(path: string, seen = new Set<string>()): Set<string> {
  seen.add(path);
  const source = files.find((candidate) => candidate.path === path);
  for (const { target } of source === undefined ? [] : listImports(source)) {
    if (!seen.has(target)) collectImports(target, seen);
  }
  return seen;
}

test("modules import only what the table allows", () => {
  assert.deepEqual(findForbiddenImports(files), []);
  assert.deepEqual(findUnknownModules(files), []);
});

test("an import against the table is found, in every form of import", () => {
  const forbidden = [
    file("src/errors.ts", 'import { x } from "#secrets/secret.ts";'),
    file("src/config/a.ts", 'import {\n  type A,\n  b,\n} from "#store/b.ts";'),
    file("src/store/a.ts", 'const x = await import("#config/b.ts");'),
    file("src/secrets/a.ts", 'export { x } from "#store/b.ts";'),
    file("src/cli/a.ts", 'import { databases } from "#domains/databases/domain.ts";'),
    file("src/store/b.ts", 'import "#events/c.ts";'),
    file("src/domains/backups/a.ts", 'import type { X } from "#domains/databases/databases.ts";'),
    file("src/domain.ts", 'import { Config } from "#config/schema.ts";'),
    file("src/system/a.ts", 'import { testCluster } from "#test/database.ts";'),
    file("src/store/c.ts", 'import { runCommandLine } from "../cli/program.ts";'),
    file("src/store/d.ts", 'import { track } from "../../sdk/src/track.ts";'),
    file("sdk/src/a.ts", 'import { AppError } from "#errors.ts";'),
    file("sdk/src/b.ts", 'import OpenAI from "openai";'),
  ];
  const allowed = [
    file("src/secrets/a.ts", 'import { AppError } from "#errors.ts";', 'import { z } from "zod";'),
    file("src/cli/a.ts", 'import type { App } from "#app.ts";', 'import { type Domain } from "#domain.ts";'),
    file("src/domains/backups/a.ts", 'import { b } from "./b.ts";', 'import { one } from "#store/database.ts";'),
    file("src/store/a.test.ts", 'import { testDatabase } from "#test/database.ts";'),
    file("sdk/src/a.ts", 'import { b } from "./b.ts";', 'import { join } from "node:path";'),
    file("bin/main.ts", 'import { domains } from "#domains.ts";'),
  ];

  assert.deepEqual(
    findForbiddenImports(forbidden).map((found) => found.split(" ")[0]),
    forbidden.map(({ path }) => path),
  );
  assert.deepEqual(findForbiddenImports(allowed), []);
  assert.deepEqual(findUnknownModules([file("src/helpful/a.ts")]), ["helpful"]);
});

test("domains depend on each other in one direction", () => {
  assert.equal(findCircle(domainEdges), undefined);
  assert.deepEqual(
    findCircle([
      ["a", "b"],
      ["b", "c"],
      ["c", "b"],
    ]),
    ["b", "c", "b"],
  );
});

test("the verifier shares nothing with what it verifies", () => {
  const brought = [...collectImports("src/domains/databases/catalog.ts")];

  assert.ok(brought.includes("src/domains/databases/catalog-queries.ts"));
  assert.deepEqual(
    brought.filter((target) => /pg-delta|databases\/(delta|executor|mirror|shadow|hazards)/.test(target)),
    [],
  );
});

test("the library that plans schema changes stays behind the delta files", () => {
  const users = files.filter((candidate) => listImports(candidate).some(({ target }) => target.includes("pg-delta")));

  assert.ok(users.length > 0);
  assert.deepEqual(
    users.map(({ path }) => path).filter((path) => !/^(src\/domains\/databases\/delta[-\w]*\.ts|bench\/)/.test(path)),
    [],
  );
});
