/**
 * Writes what is generated from the code and kept in the repository: the JSON
 * Schema of leveredge.yaml, the snapshot of the store's schema and the description
 * of the API. With `--check` it only says what is not current.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { z } from "zod";

import { Config } from "#config/schema.ts";
import { programRoot } from "#config/state-directory.ts";

import { apiDescriptionPath, renderApiDescription } from "./api-description.ts";
import { renderSchemaSnapshot, schemaSnapshotPath } from "./schema-snapshot.ts";

const generated: { path: string; render: () => string | Promise<string> }[] = [
  { path: join(programRoot, "leveredge.schema.json"), render: renderConfigSchema },
  { path: schemaSnapshotPath, render: renderSchemaSnapshot },
  { path: apiDescriptionPath, render: renderApiDescription },
];

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
process.exitCode = values.check ? await check() : await write();

async function write(): Promise<number> {
  for (const { path, render } of generated) await writeFile(path, await render());
  return 0;
}

async function check(): Promise<number> {
  let staleCount = 0;
  for (const { path, render } of generated) {
    const current = await readFile(path, "utf8").catch(() => "");
    if (current === (await render())) continue;
    console.error(`${path} is not current: run \`npm run generate\``);
    staleCount += 1;
  }
  return staleCount === 0 ? 0 : 1;
}

/** Draft 7, which editors know best; as people write the file, before defaults are filled in. */
function renderConfigSchema(): string {
  const schema = z.toJSONSchema(Config, { target: "draft-7", io: "input" });
  const described = { title: "leveredge.yaml", description: "A platform that LeverEdge looks after", ...schema };
  return `${JSON.stringify(described, undefined, 2)}\n`;
}
