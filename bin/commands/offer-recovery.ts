/**
 * `leveredge init` on a terminal: the owner of an age identity proves that he can
 * bring the root key back, or somebody accepts in words that nobody can. What
 * `leveredge keys recover` does is done here at once.
 */
import type { CommandContext } from "#cli/command.ts";
import { askLine } from "#cli/prompt.ts";
import { AppError } from "#errors.ts";

const introduction = [
  "",
  "Without unseal.key every credential in the store is lost. An age identity that is kept away from this host",
  "brings the keys back. Make it there (age-keygen -o identity.txt) and give its public key, age1…; or go",
  "without it, in a sentence that begins with: I accept that",
];

/** True when recovery is settled: proven, now or before, or gone without. A store that does not open is told and leaves it open. */
export async function offerRecovery(context: CommandContext, configPath: string): Promise<boolean> {
  const { output, global, signal } = context;
  const { openApp } = await import("../open-app.ts");
  const { readRecovery } = await import("#domains/keys/keys.ts");
  try {
    const app = await openApp({ ...global, config: configPath }, signal);
    try {
      if ((await readRecovery(app.db)).state !== "missing") return true;
      for (const line of introduction) output.say(line);
      return await askUntilSettled({ ...context, openApp: () => Promise.resolve(app) });
    } finally {
      await app.close();
    }
  } catch (error) {
    if (!(error instanceof AppError) || signal.aborted) throw error;
    output.say(`Recovery cannot be proven now: ${error.message}`);
    return false;
  }
}

/** An empty line leaves it for later. */
async function askUntilSettled(context: CommandContext): Promise<boolean> {
  const { runRecover } = await import("#domains/keys/recover-command.ts");
  const { readRecovery } = await import("#domains/keys/keys.ts");
  const app = await context.openApp();
  for (;;) {
    const line = await askLine("age1…, I accept that …, or nothing for later: ", { signal: context.signal });
    if (line === "") return false;
    const options = line.startsWith("age1") ? { add: line } : { none: line };
    try {
      await runRecover({ ...context, arguments: [], options });
      return (await readRecovery(app.db)).state !== "missing";
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "invalid_input") throw error;
      context.output.say(`${error.message}.`);
    }
  }
}
