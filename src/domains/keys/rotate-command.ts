import { resolve } from "node:path";

import type { CommandContext } from "#cli/command.ts";
import { findKeySource } from "#config/key-source.ts";
import type { Environment } from "#domain.ts";
import { AppError, outcomeExit } from "#errors.ts";
import { currentUser } from "#system/user.ts";

import { requireOneOf } from "./commands.ts";
import { type RewrapCredentials, rotateEnvironmentKey } from "./environment-rotation.ts";
import {
  type UnsealRotation,
  describeMove,
  dropPreviousKey,
  dropStagedKey,
  rotateUnsealKey,
} from "./unseal-rotation.ts";

/** `keys rotate`: the environment's key with `--kek`, else the unseal key. */
export async function runRotate(context: CommandContext, rewrap: RewrapCredentials): Promise<number> {
  const way = requireOneOf(context, ["kek", "unseal"]);
  const { to, dropPrevious, dropStaged } = context.options;
  const withUnseal = [to, dropPrevious, dropStaged].filter((option) => option !== undefined);
  if (withUnseal.length > (way === "kek" ? 0 : 1)) {
    throw new AppError("invalid_input", "--to, --drop-previous and --drop-staged go one at a time, and with --unseal", {
      hint: "Run it with --help.",
    });
  }
  if (way === "kek") return runRotateEnvironment(context, rewrap);
  if (dropPrevious === true) return runDropPrevious(context);
  if (dropStaged === true) return runDropStaged(context);
  return runRotateUnseal(context, typeof to === "string" ? resolve(to) : undefined);
}

async function runRotateEnvironment(context: CommandContext, rewrap: RewrapCredentials): Promise<number> {
  const environment = readEnvironment(context.options["kek"]);
  const app = await context.openApp();
  const { output, signal } = context;
  const rotation = await rotateEnvironmentKey(app, findKeySource(app.stateDir), {
    environment,
    by: `cli:${currentUser()}`,
    rewrap,
    signal,
    progress: (text, done, total) => {
      if (output.live && total !== undefined && total > 0) output.say(`${text}: ${done} of ${total}`);
    },
  });
  const { version, rewrapped, unopened, resumed } = rotation;
  const what = resumed ? "the rotation that was begun is finished" : "there is a new key";
  output.data(
    rotation,
    `${what}: credentials of ${environment} are under version ${version}, ${rewrapped} sealed anew`,
  );
  for (const one of unopened) output.say(`does not open and stays as it is: credential ${one}`);
  return unopened.length === 0 ? outcomeExit.ok : outcomeExit.failed;
}

async function runRotateUnseal(context: CommandContext, to: string | undefined): Promise<number> {
  const app = await context.openApp();
  const source = findKeySource(app.stateDir);
  const rotation = await rotateUnsealKey(app, source, { to, by: `cli:${currentUser()}` });
  context.output.data(rotation, describeRotation(rotation));
  const next = rotation.state === "staged" ? describeMove(source, rotation.path) : adviseAfterRotation;
  for (const line of next) context.output.say(line);
  return outcomeExit.ok;
}

async function runDropPrevious(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const by = `cli:${currentUser()}`;
  const dropped = await dropPreviousKey(app, findKeySource(app.stateDir), by);
  const { label, activeSince, removedFile } = dropped;
  context.output.data(
    dropped,
    label === undefined ? "there is no previous unseal key" : `unseal key ${label} opens this store no more`,
  );
  if (removedFile !== undefined) context.output.say(`${removedFile} is removed`);
  if (label !== undefined && activeSince !== undefined) {
    context.output.say(
      `Backups of this store from before ${activeSince} open with unseal key ${label} or by recovery alone.`,
    );
  }
  return outcomeExit.ok;
}

async function runDropStaged(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const dropped = await dropStagedKey(app, findKeySource(app.stateDir), `cli:${currentUser()}`);
  const { label, removedFile } = dropped;
  context.output.data(
    dropped,
    label === undefined ? "no rotation was begun" : `unseal key ${label} opens this store no more`,
  );
  if (removedFile !== undefined) context.output.say(`${removedFile} is removed`);
  return outcomeExit.ok;
}

const adviseAfterRotation = [
  "Keep a copy of the new key away from this host; other hosts of this store need it too.",
  "When no host and no backup that you keep needs the old one: leveredge keys rotate --unseal --drop-previous",
];

/** One line on what came of a rotation or a recovery. */
export function describeRotation(rotation: UnsealRotation): string {
  if (rotation.state === "staged") {
    return `unseal key ${rotation.label} is written to ${rotation.path} and opens the store; it is not the active one yet`;
  }
  const { label, previous } = rotation;
  const before = previous === undefined ? "" : `; ${previous} is the previous one`;
  return `unseal key ${label} is the active one${before}`;
}

function readEnvironment(text: string | boolean | undefined): Environment {
  if (text === "dev" || text === "prod" || text === "shared") return text;
  throw new AppError("invalid_input", `--kek is ${JSON.stringify(text)}, expected dev, prod or shared`);
}
