/** The real program over a store of a test's own, with something on its stdin. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { programRoot } from "#config/state-directory.ts";

import { freshDatabase } from "./database.ts";
import type { Ran } from "./run-leveredge.ts";

export type VaultProgram = {
  directory: string;
  /** Words that lead to this store, for a shell. */
  common: string[];
  env: Record<string, string>;
  run(words: readonly string[], input?: string): Promise<Ran>;
};

/** `settings` are lines of leveredge.yaml, made for the directory that it lies in. */
export async function openVaultProgram(
  t: TestContext,
  settings: string | ((directory: string) => string) = "",
): Promise<VaultProgram> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-vault-"));
  t.after(() => rm(directory, { recursive: true }));
  const config = join(directory, "leveredge.yaml");
  const lines = typeof settings === "string" ? settings : settings(directory);
  await writeFile(config, `platform: { name: Test, root: ${directory} }\n${lines}`);
  const { url } = await freshDatabase(t);
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent", DATABASE_URL: url };
  const common = ["--config", config, "--state", join(directory, "state")];
  return {
    directory,
    common,
    env,
    run: (words, input = "") => {
      const at = words.indexOf("--");
      const [own, rest] = at === -1 ? [words, []] : [words.slice(0, at), words.slice(at)];
      return runWithInput([...own, ...common, ...rest], { env, cwd: directory, input });
    },
  };
}

async function runWithInput(
  words: readonly string[],
  { env, cwd, input }: { env: Record<string, string>; cwd: string; input: string },
): Promise<Ran> {
  const child = spawn(join(programRoot, "bin/leveredge"), words, { env, cwd, stdio: "pipe" });
  const ended = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  // One that refuses before it reads has closed it.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exitCode, stdout, stderr };
}
