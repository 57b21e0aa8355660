/**
 * What tracking costs a call: programs with the real `openai` and `@anthropic-ai/sdk` that
 * make the same calls, tracked and not, each in a process of its own, as in life. Sending
 * to a ledger, the spool on disk and the last flush are in the figure. What counts is the
 * processor's time of the caller's thread: other programs disturb it less.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const limitUs = 50;
const rounds = 6;
const scenes = [
  ...["openai, JSON", "@anthropic-ai/sdk, JSON"],
  ...["openai, stream of 50 chunks", "openai, the same one by one"],
];

/** Takes everything, in a process of its own. */
const ledgerProgram = `
  const server = require("node:http").createServer(async (request, reply) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const receipts = JSON.parse(text).calls.map((_, index) => ({ index, state: "recorded" }));
    reply.setHeader("content-type", "application/json").end(JSON.stringify({ receipts }));
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;

const ledger = spawn(process.execPath, ["--eval", ledgerProgram], { stdio: ["ignore", "pipe", "inherit"] });
const directory = await mkdtemp(join(tmpdir(), "leveredge-bench-"));
try {
  const [port] = await once(ledger.stdout, "data");
  const url = `http://127.0.0.1:${String(port).trim()}`;
  for (const scene of scenes) {
    const figures = { untracked: [] as number[], tracked: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      for (const mode of ["untracked", "tracked"] as const) figures[mode].push(callAgain(scene, mode, url));
    }
    const [untracked, tracked] = [Math.min(...figures.untracked), Math.min(...figures.tracked)];
    const us = tracked - untracked;
    const beside = `${tracked.toFixed(0)} us tracked, ${untracked.toFixed(0)} us not`;
    console.log(
      `${scene}: ${us.toFixed(1)} us a call (${beside}), limit ${limitUs} us, ratio ${(us / limitUs).toFixed(2)}`,
    );
  }
} finally {
  ledger.kill();
  await rm(directory, { recursive: true });
}

/** Microseconds of the processor for a call, in a new process. */
function callAgain(scene: string, mode: "tracked" | "untracked", url: string): number {
  const program = join(import.meta.dirname, "sdk-caller.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, scene, mode, url, directory], {
    encoding: "utf8",
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${scene}, ${mode}: ${stderr}`);
  return Number(stdout);
}
