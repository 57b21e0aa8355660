/** Drills for tests: their servers lie in a directory of the test file's own, and each drill must leave it empty. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";

import { drillFile, type DrillRequest } from "#domains/backups/drill.ts";
import type { DrillResult } from "#domains/backups/schema.ts";
import { type Run, runProgram } from "#system/run.ts";
import { dumpFolder } from "#test/dumps.ts";

/** Both the state directory of an ordinary user and root's data home. */
export const drillHome = mkdtempSync(join(tmpdir(), "drill-"));

/** Where the servers of drills that are under way lie. */
export const runningDrills = join(drillHome, "throwaway", "running");

after(() => rmSync(drillHome, { recursive: true, force: true }));

export async function drill(request: Partial<DrillRequest> & { file: string; run?: Run }): Promise<DrillResult> {
  const { run = runProgram, ...rest } = request;
  const { signal } = new AbortController();
  const work = { dataHome: drillHome, signal, progress: () => undefined };
  const result = await drillFile({ run, stateDir: drillHome }, { ...work, ...rest });
  assert.deepEqual(await readdir(runningDrills).catch(() => []), []);
  return result;
}

/** Of a file with these bytes, without a manifest. */
export async function drillText(t: TestContext, text: string | Buffer): Promise<DrillResult> {
  const file = join(await dumpFolder(t), "x");
  await writeFile(file, text);
  return drill({ file });
}

/** A whole dump of pg_dump 15 around the entries. */
export function plainDump(entries: string, serverVersion = "15.18"): string {
  const versions = `-- Dumped from database version ${serverVersion}\n-- Dumped by pg_dump version 15.18\n`;
  const complete = "--\n-- PostgreSQL database dump complete\n--\n";
  return `--\n-- PostgreSQL database dump\n--\n\n${versions}\nSET client_encoding = 'UTF8';\n\n${entries}\n${complete}\n`;
}

export function dumpEntry(type: string, name: string, statement: string): string {
  return `--\n-- Name: ${name}; Type: ${type}; Schema: public; Owner: postgres\n--\n\n${statement}\n\n`;
}
