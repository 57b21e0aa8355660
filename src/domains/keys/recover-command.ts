import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";

import type { CommandContext } from "#cli/command.ts";
import { findKeySource } from "#config/key-source.ts";
import { AppError, outcomeExit } from "#errors.ts";
import { currentUser } from "#system/user.ts";

import { requireOneOf } from "./commands.ts";
import { acceptNoRecovery, addRecipient, askForProof, recoverUnsealKey } from "./recovery.ts";
import { describeRotation } from "./rotate-command.ts";
import { withSealedStore } from "./sealed-store.ts";
import { describeMove } from "./unseal-rotation.ts";

/** `keys recover`: proof of a recipient, the words of going without, or the recovery itself. */
export async function runRecover(context: CommandContext): Promise<number> {
  const way = requireOneOf(context, ["add", "identity", "none"]);
  refuseStrayOptions(context, way);
  switch (way) {
    case "add":
      return runAdd(context);
    case "identity":
      return runIdentity(context);
    default:
      return runNone(context);
  }
}

function refuseStrayOptions({ options }: CommandContext, way: string): void {
  const belongsTo = { answer: "add", to: "identity", dropOthers: "identity" };
  for (const [name, owner] of Object.entries(belongsTo)) {
    if (options[name] === undefined || owner === way) continue;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new AppError("invalid_input", `--${flag} goes with --${owner}, not with --${way}`, {
      hint: "Run it with --help.",
    });
  }
}

async function runAdd(context: CommandContext): Promise<number> {
  const { output, options } = context;
  const recipient = String(options["add"]).trim();
  const app = await context.openApp();
  const source = findKeySource(app.stateDir);
  const answer = typeof options["answer"] === "string" ? options["answer"] : await ask();
  if (answer === undefined) {
    output.say(`Decrypt it with the identity, then: leveredge keys recover --add ${recipient} --answer TEXT`);
    return outcomeExit.blocked;
  }
  await addRecipient(app, source, { recipient, answer, by: `cli:${currentUser()}` });
  output.data({ recipient, proven: true }, `${recipient} is proven: its identity brings the root key back`);
  output.say("Keep the identity away from this host.");
  return outcomeExit.ok;

  /** Prints the challenge and waits for a line; with --json the answer comes with the next call. */
  async function ask(): Promise<string | undefined> {
    const challenge = await askForProof(app, source, recipient);
    output.data({ recipient, challenge }, challenge.trimEnd());
    if (context.global.json) return undefined;
    output.say("Decrypt it (age --decrypt --identity FILE) and type what it holds:");
    return readLine(context.signal);
  }
}

async function runIdentity(context: CommandContext): Promise<number> {
  const { output, options } = context;
  const to = typeof options["to"] === "string" ? resolve(options["to"]) : undefined;
  const { rotation, source } = await withSealedStore(context, async ({ db, stateDir }) => {
    const lost = findKeySource(stateDir);
    const request = {
      identityPath: resolve(String(options["identity"])),
      to,
      dropOthers: options["dropOthers"] === true,
      by: `cli:${currentUser()}`,
    };
    return { rotation: await recoverUnsealKey(db, lost, request), source: lost };
  });
  const next = rotation.state === "staged" ? describeMove(source, rotation.path) : afterRecovery;
  output.data(rotation, describeRotation(rotation));
  for (const line of next) output.say(line);
  return outcomeExit.ok;
}

async function runNone(context: CommandContext): Promise<number> {
  const words = String(context.options["none"]);
  const app = await context.openApp();
  await acceptNoRecovery(app, { words, by: `cli:${currentUser()}` });
  context.output.data({ words: words.trim() }, "recorded: this store has no recovery, by your own words");
  return outcomeExit.ok;
}

const afterRecovery = [
  "Keep a copy of the new key away from this host.",
  "The lost one still opens the store for whoever finds it: leveredge keys rotate --unseal --drop-previous",
];

/** The first line of stdin; undefined when it ends without one. */
async function readLine(signal: AbortSignal): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, signal });
  try {
    for await (const line of terminal) {
      if (line.trim() !== "") return line;
    }
    return undefined;
  } finally {
    terminal.close();
  }
}
