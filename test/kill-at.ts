/**
 * Loaded with `node --import` before a program under test: counts the effects
 * that reach the outside (statements that write, programs started, files written
 * and renamed) and kills the process with SIGKILL at the one it is told.
 *
 * KILL_LOG    file that gets a line for each effect
 * KILL_AT     number of the effect, from 1; absent: only count
 * KILL_MODE   `during`: it is under way and its answer never arrives (default);
 *             `after`: its answer has arrived and nothing else has happened
 * KILL_FROM   counting begins with the first statement that has this text
 * KILL_IGNORE statements that have this text are not counted: they come by a clock
 */
import childProcess from "node:child_process";
import { EventEmitter } from "node:events";
import fs from "node:fs";
import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

import pg from "pg";

const log = process.env["KILL_LOG"];
const killAt = Number(process.env["KILL_AT"] ?? 0);
const mode = process.env["KILL_MODE"] ?? "during";
const from = process.env["KILL_FROM"];
const ignore = process.env["KILL_IGNORE"];

const writes = /\b(insert|update|delete|create|alter|drop|truncate|copy|grant|revoke|commit)\b/i;

let counting = from === undefined;
let count = 0;

/** Counts, acts, and dies when it is time. */
function effect<T>(label: string, act: () => T): T {
  if (!counting) return act();
  count += 1;
  const isLast = count === killAt;
  if (log !== undefined) fs.appendFileSync(log, `${count} ${label.replaceAll(/\s+/g, " ").trim().slice(0, 100)}\n`);
  const answer = act();
  if (isLast && mode === "during") die();
  if (isLast) dieWhenDone(answer);
  return answer;
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way: nothing else may happen meanwhile.
  for (;;);
}

/** A promise, a program, or the stream of a COPY. */
function dieWhenDone(answer: unknown): void {
  if (answer instanceof Promise) void answer.finally(die);
  else if (answer instanceof EventEmitter) for (const end of ["close", "end", "finish"]) answer.once(end, die);
}

const query = pg.Client.prototype.query as (this: pg.Client, ...args: unknown[]) => unknown;
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]): unknown {
  const [first] = args;
  const text = typeof first === "string" ? first : (first as { text?: string } | undefined)?.text;
  if (text !== undefined && from !== undefined && text.includes(from)) counting = true;
  const isCounted = text !== undefined && writes.test(text) && !(ignore !== undefined && text.includes(ignore));
  if (!isCounted) return query.apply(this, args);
  return effect(`sql ${text}`, () => query.apply(this, args));
} as typeof pg.Client.prototype.query;

const { spawn } = childProcess;
childProcess.spawn = ((...args: Parameters<typeof spawn>) =>
  effect(
    `spawn ${args[0]} ${Array.isArray(args[1]) ? args[1].filter((word) => !/^-|=|^\//.test(word)).join(" ") : ""}`,
    () => spawn(...args),
  )) as typeof spawn;

for (const name of ["rename", "writeFile", "mkdir"] as const) {
  const original = fsPromises[name] as (...args: unknown[]) => Promise<unknown>;
  const counted = (...args: unknown[]): Promise<unknown> =>
    effect(`${name} ${String(args[0])}`, () => original(...args));
  Object.assign(fsPromises, { [name]: counted });
}

const probe = await fsPromises.open("/dev/null");
const fileHandle = Object.getPrototypeOf(probe) as { writeFile: (...args: unknown[]) => Promise<unknown> };
const { writeFile } = fileHandle;
fileHandle.writeFile = function (this: unknown, ...args: unknown[]): Promise<unknown> {
  return effect("write", () => writeFile.apply(this, args));
};
await probe.close();
syncBuiltinESMExports();
