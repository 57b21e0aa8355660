/** `leveredge keys`: what opens the store, and what to do about it. */
import type { Command, CommandContext } from "#cli/command.ts";
import { findKeySource } from "#config/key-source.ts";
import { AppError, outcomeExit } from "#errors.ts";

import type { RewrapCredentials } from "./environment-rotation.ts";
import type { KeyStatus, RecoveryStatus } from "./schema.ts";
import { withSealedStore } from "./sealed-store.ts";

/** The commands; how data keys of credentials are sealed anew is handed in by the domain that has them. */
export function keysCommands(rewrap: RewrapCredentials): Command[] {
  return [
    {
      name: "keys status",
      summary: "show what opens the store: the unseal keys, the keys of each purpose, recovery",
      examples: ["leveredge keys status", "leveredge keys status --json"],
      run: runStatus,
    },
    {
      name: "keys unseal",
      summary: "try whether the store opens with its unseal key, or with another; changes nothing",
      options: [{ flags: "--source <spec>", summary: "file:PATH, systemd:NAME, age:FILE or env:NAME" }],
      examples: ["leveredge keys unseal", "leveredge keys unseal --source file:/mnt/usb/unseal.key"],
      run: runUnseal,
    },
    {
      name: "keys rotate",
      summary: "replace the unseal key, or the key of an environment's credentials",
      options: [
        { flags: "--unseal", summary: "a new unseal key; the old one still opens the store until it is dropped" },
        { flags: "--kek <environment>", summary: "a new key for its credentials", choices: ["dev", "prod", "shared"] },
        { flags: "--to <file>", summary: "with --unseal, for a source that is no plain file: write the new key here" },
        { flags: "--drop-previous", summary: "with --unseal: end the key that the last rotation replaced" },
        { flags: "--drop-staged", summary: "with --unseal: give up a rotation that was begun" },
      ],
      examples: [
        "leveredge keys rotate --unseal",
        "leveredge keys rotate --unseal --drop-previous",
        "leveredge keys rotate --kek prod",
      ],
      run: async (context) => (await import("./rotate-command.ts")).runRotate(context, rewrap),
    },
    {
      name: "keys recover",
      summary: "prove who can bring the root key back when the unseal key is lost, or bring it back",
      options: [
        { flags: "--add <recipient>", summary: "an age public key; asks for proof that its owner can decrypt" },
        { flags: "--answer <text>", summary: "with --add: what the challenge holds; else it is read from stdin" },
        { flags: "--identity <file>", summary: "make a new unseal key with the age identity of a proven recipient" },
        { flags: "--to <file>", summary: "with --identity, for a source that is no plain file: write the key here" },
        { flags: "--drop-others", summary: "with --identity: forget the previous and the staged unseal key" },
        { flags: "--none <words>", summary: "go without, in a sentence that begins with: I accept that" },
      ],
      examples: [
        "leveredge keys recover --add age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
        "leveredge keys recover --identity /mnt/usb/age-identity.txt",
        'leveredge keys recover --none "I accept that without the unseal key every credential is lost"',
      ],
      run: async (context) => (await import("./recover-command.ts")).runRecover(context),
    },
  ];
}

/** Exactly one of the ways a command can go; the others stay away. */
export function requireOneOf(context: CommandContext, names: readonly string[]): string {
  const given = names.filter((name) => context.options[name] !== undefined);
  const [way] = given;
  if (way !== undefined && given.length === 1) return way;
  const flags = names.map((name) => `--${name}`);
  throw new AppError("invalid_input", `one of ${flags.join(", ")} is needed, given ${given.length}`, {
    hint: "Run it with --help.",
  });
}

async function runStatus(context: CommandContext): Promise<number> {
  const { readKeyStatus } = await import("./keys.ts");
  const status = await withSealedStore(context, ({ db, stateDir }) => readKeyStatus(db, findKeySource(stateDir)));
  context.output.data(status, await formatStatus(status));
  return status.opens ? outcomeExit.ok : new AppError("sealed", "").exitCode;
}

async function runUnseal(context: CommandContext): Promise<number> {
  const { tryKeys } = await import("#store/keys.ts");
  const { describeKeySource } = await import("#secrets/key-source.ts");
  const { labelOf } = await import("./keys.ts");
  const { source: spec } = context.options;
  const result = await withSealedStore(context, async ({ db, stateDir }) => {
    const source = typeof spec === "string" ? findKeySource(stateDir, spec) : findKeySource(stateDir);
    const { seal } = await tryKeys(db, source);
    return { opens: true, source: describeKeySource(source), unsealKey: labelOf(seal), state: seal.state };
  });
  context.output.data(result, `the store opens with ${result.source}: unseal key ${result.unsealKey}, ${result.state}`);
  return outcomeExit.ok;
}

async function formatStatus(status: KeyStatus): Promise<string> {
  const { formatTable } = await import("#cli/table.ts");
  const keys = [
    ...status.unsealKeys.map(({ label, state, since }) => ["unseal", label, `${state} since ${minuteOf(since)}`]),
    ["root", status.root?.slice(0, 8) ?? "none", ""],
    ...status.purposes.map(({ purpose, version, versions }) => [
      purpose,
      `version ${version}`,
      versions === 1 ? "" : `${versions} versions`,
    ]),
  ];
  return [
    `source: ${status.source}${status.unsealKey === null ? "" : `, which holds ${status.unsealKey}`}`,
    status.opens ? "the store opens" : `the store is sealed: ${status.reason ?? ""}`,
    "",
    formatTable(["KEY", "ACTIVE", ""], keys),
    "",
    ...describeRecovery(status.recovery),
  ].join("\n");
}

function describeRecovery(recovery: RecoveryStatus): string[] {
  switch (recovery.state) {
    case "proven":
      return recovery.recipients.map(
        ({ recipient, provenAt }) => `recovery: ${recipient}, proven ${minuteOf(provenAt)}`,
      );
    case "accepted":
      return [`recovery: none; ${recovery.waiver.recordedBy} said: ${recovery.waiver.words}`];
    case "missing":
      return ["recovery: not proven; leveredge keys recover --add RECIPIENT"];
  }
}

/** To the minute, in UTC. */
function minuteOf(instant: string): string {
  return `${instant.slice(0, 16)}Z`;
}
