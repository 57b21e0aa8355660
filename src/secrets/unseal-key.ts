/**
 * The unseal key's file: 32 random bytes outside the database, readable by its
 * owner alone. It is made for a store that has no keys yet. A rotation makes the
 * next one beside it (`.next`), gives that the file's name by one rename and keeps
 * the old one (`.previous`), so that at each moment the name leads to a whole key.
 * Whoever has this file and the database has the secrets; without it nothing
 * sealed opens again.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { AppError } from "#errors.ts";

import type { SealingKey } from "./envelope.ts";
import { unsealKeyOf } from "./key-ring.ts";

const fileName = "unseal.key";
const draftPrefix = `.${fileName}.`;
const fileBytes = 32;

/** Where the key of a state directory lies. */
export function unsealKeyPath(stateDirectory: string): string {
  return join(stateDirectory, fileName);
}

/** The key that a rotation has made, before it takes the place of the one at `path`. */
export function nextKeyPath(path: string): string {
  return `${path}.next`;
}

/** The key that a rotation has replaced. */
export function previousKeyPath(path: string): string {
  return `${path}.previous`;
}

/** The key, or undefined when there is no file. A file that others can read or that is no key is `sealed`. */
export async function readUnsealKey(path: string): Promise<SealingKey | undefined> {
  const file = await openGuardedFile(path, "unseal key", 0o077);
  if (file === undefined) return undefined;
  try {
    return unsealKeyOf(await readExactly(file, path));
  } finally {
    await file.close();
  }
}

/**
 * Gives the next key the name of the current one, which is kept as the previous one. A
 * killed call is called again: the name leads to the old key or to the new one, never to none.
 */
export async function installNextKey(path: string): Promise<void> {
  const [current, previous] = [await readUnsealKey(path), await readUnsealKey(previousKeyPath(path))];
  // Two names of one file: renaming one to the other would do nothing and leave both.
  if (current !== undefined && previous?.id !== current.id) {
    await removeDrafts(dirname(path));
    const draft = draftPath(path);
    await link(path, draft);
    await rename(draft, previousKeyPath(path));
  }
  await rename(nextKeyPath(path), path);
  await syncDirectory(dirname(path));
}

/** Takes a key file away for good; one that is gone already is fine. */
export async function removeKeyFile(path: string): Promise<void> {
  await unlink(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
  });
  await syncDirectory(dirname(path));
}

/**
 * Opens a file that holds a key, without following a link; undefined when there is none.
 * `forbidden` are the bits of its mode that let somebody else reach it.
 */
export async function openGuardedFile(path: string, what: string, forbidden: number): Promise<FileHandle | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined;
      throw new AppError("sealed", `cannot open the ${what} ${path}: ${cause.code ?? cause.message}`, {
        hint: `Make ${path} a plain file that belongs to the user who runs leveredge, with mode 0400.`,
        cause,
      });
    },
  );
  if (file === undefined) return undefined;
  try {
    await refuseUnsafe(file, path, what, forbidden);
    return file;
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/**
 * The key of a store that has none yet: made when there is no file. Two callers at
 * once end with the same key; a half-written file never has the name.
 */
export async function ensureUnsealKey(path: string): Promise<SealingKey> {
  const existing = await readUnsealKey(path);
  if (existing !== undefined) return existing;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await removeDrafts(dirname(path));
  await writeKeyFile(path);
  const made = await readUnsealKey(path);
  if (made === undefined) throw new AppError("sealed", `the unseal key ${path} disappeared while it was made`);
  return made;
}

async function refuseUnsafe(file: FileHandle, path: string, what: string, forbidden: number): Promise<void> {
  const status = await file.stat();
  if (!status.isFile()) {
    throw new AppError("sealed", `the ${what} ${path} is not a plain file`, {
      hint: `Put the key file at ${path}.`,
    });
  }
  if (status.uid !== process.getuid?.() && status.uid !== 0) {
    throw new AppError("sealed", `the ${what} ${path} belongs to another user (uid ${status.uid})`, {
      hint: `Run as that user, or hand the file over: chown "$(id -u)" ${path}`,
    });
  }
  const mode = status.mode & 0o777;
  if ((mode & forbidden) !== 0) {
    throw new AppError("sealed", `the ${what} ${path} has mode 0${mode.toString(8)}: others can reach it`, {
      hint: `Take their access away: chmod 0400 ${path}`,
    });
  }
}

/** The 32 bytes of a key, no more and no less. The caller overwrites them. */
export async function readExactly(file: FileHandle, path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(fileBytes + 1);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  if (bytesRead === fileBytes) return bytes.subarray(0, fileBytes);
  bytes.fill(0);
  throw new AppError("sealed", `the unseal key ${path} does not hold ${fileBytes} bytes`, {
    hint: `Restore ${path} from your copy of it.`,
  });
}

/** A complete file gets the name by `link`, which refuses a name that is taken. */
async function writeKeyFile(path: string): Promise<void> {
  const draft = draftPath(path);
  const bytes = randomBytes(fileBytes);
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o400);
  try {
    await file.writeFile(bytes);
    await file.sync();
    await link(draft, path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
    });
  } finally {
    bytes.fill(0);
    await file.close();
    await unlink(draft);
  }
  await syncDirectory(dirname(path));
}

function draftPath(path: string): string {
  return join(dirname(path), `${draftPrefix}${process.pid}`);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What a killed process left: its draft may be a second name of the key. */
async function removeDrafts(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = name.startsWith(draftPrefix) ? Number(name.slice(draftPrefix.length)) : undefined;
    if (pid === undefined || (pid !== process.pid && isAlive(pid))) continue;
    await unlink(join(directory, name)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "ENOENT") throw cause;
    });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    // EPERM: it lives and belongs to somebody else.
    return cause instanceof Error && "code" in cause && cause.code === "EPERM";
  }
}
