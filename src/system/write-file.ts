/**
 * Writes a file so that a reader, a crash or a full disk sees the old content or
 * the new, never a part. Directories are walked by descriptor: a link that is
 * swapped in while root writes into somebody's directory leads nowhere.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, readlink, realpath, rename, unlink } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, sep } from "node:path";

import { AppError } from "#errors.ts";

import { type Owner, actAs } from "./owner.ts";

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY;

export type FileContent = {
  /** The directory that the file must not leave, by `..` or by a link. It exists. */
  root: string;
  /** Relative to the root; missing directories are made. */
  path: string;
  /** What comes piece by piece is written so; when it fails, so does the writing. */
  content: string | Buffer | AsyncIterable<string>;
  mode: number;
  /** Whose the file and new directories become when this process is root. */
  owner: Owner;
};

/** Replaces the file by rename, with content and directory on disk before it returns. A second call writes again. */
export async function writeFileAtomically(file: FileContent): Promise<void> {
  try {
    const root = await realpath(file.root);
    const target = await resolveInside(root, file.path);
    const directory = await openDirectory(root, dirname(target), file.owner);
    try {
      await removeStaleDrafts(directory, basename(target));
      await replace(directory, basename(target), file);
    } finally {
      await directory.close();
    }
  } catch (cause) {
    throw cause instanceof AppError ? cause : describeWriteFailure(file, cause);
  }
}

/** Content, mode and owner of a file, read without leaving the root; undefined when there is none. */
export async function readFileInside(
  root: string,
  path: string,
): Promise<{ content: Buffer; mode: number; owner: Owner } | undefined> {
  try {
    const realRoot = await realpath(root);
    const target = await resolveInside(realRoot, path);
    const directory = await openDirectory(realRoot, dirname(target), undefined);
    try {
      return await readFrom(`${descriptorPath(directory)}/${basename(target)}`);
    } finally {
      await directory.close();
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT") return undefined;
    throw new AppError("forbidden", `cannot read ${root}/${path}: ${code}`, {
      cause,
      hint: `Make ${root}/${path} a file that this user may read.`,
    });
  }
}

async function readFrom(path: string): Promise<{ content: Buffer; mode: number; owner: Owner }> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { mode, uid, gid } = await file.stat();
    return { content: await file.readFile(), mode: mode & 0o7777, owner: { uid, gid } };
  } finally {
    await file.close();
  }
}

/** The path relative to the root, with a link at its end followed as long as it stays inside. */
async function resolveInside(root: string, path: string): Promise<string> {
  if (isAbsolute(path) || path.split(sep).includes("..") || path.includes("\0") || basename(path) === "") {
    throw new AppError("invalid_input", `file path ${JSON.stringify(path)} is not relative to ${root}`);
  }
  const full = `${root}/${path}`;
  const found = await lstat(full).catch(ignoreMissing);
  if (found === undefined) return path;
  if (found.isSymbolicLink()) {
    const real = await realpath(full).catch(ignoreMissing);
    if (real === undefined || !isInside(root, real)) throw leadsOut(full);
    return relative(root, real);
  }
  if (!found.isFile()) {
    throw new AppError("conflict", `${full} is not a file`, { hint: `Move ${full} out of the way.` });
  }
  return path;
}

/** Opens the directory below the root and makes sure that it is below. With an owner, what is missing is made for it. */
async function openDirectory(root: string, path: string, owner: Owner | undefined): Promise<FileHandle> {
  let directory = await open(root, directoryFlags);
  for (const name of path.split(sep).filter((part) => part !== "" && part !== ".")) {
    const child = `${descriptorPath(directory)}/${name}`;
    try {
      const isNew = owner !== undefined && (await mkdir(child, { mode: 0o755 }).then(() => true, ignoreExisting));
      // Nobody may have put a link in place of what was just made.
      const next = await open(child, directoryFlags | (isNew ? constants.O_NOFOLLOW : 0));
      const previous = directory;
      directory = next;
      await previous.close();
      if (!isInside(root, await readlink(descriptorPath(next)))) throw leadsOut(`${root}/${path}`);
      const as = isNew ? actAs(owner) : undefined;
      if (as !== undefined) await next.chown(as.uid, as.gid);
    } catch (cause) {
      await directory.close();
      throw cause;
    }
  }
  return directory;
}

async function replace(directory: FileHandle, name: string, file: FileContent): Promise<void> {
  const draft = `${descriptorPath(directory)}/${draftPrefix(name)}${process.pid}`;
  const handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    const as = actAs(file.owner);
    if (as !== undefined) await handle.chown(as.uid, as.gid);
    await handle.chmod(file.mode);
    await handle.writeFile(file.content);
    await handle.sync();
    await rename(draft, `${descriptorPath(directory)}/${name}`);
    await directory.sync();
  } catch (cause) {
    await unlink(draft).catch(ignoreMissing);
    throw cause;
  } finally {
    await handle.close();
  }
}

/** Drafts of writers that were killed: their process is gone, or it is this one. */
async function removeStaleDrafts(directory: FileHandle, name: string): Promise<void> {
  for (const entry of await readdir(descriptorPath(directory))) {
    if (!entry.startsWith(draftPrefix(name))) continue;
    const pid = Number(entry.slice(draftPrefix(name).length));
    if (pid === process.pid || !isAlive(pid))
      await unlink(`${descriptorPath(directory)}/${entry}`).catch(ignoreMissing);
  }
}

function draftPrefix(name: string): string {
  return `.${name}.leveredge-`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Names what the descriptor holds, whatever its path has become. */
function descriptorPath(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

function describeWriteFailure(file: FileContent, cause: unknown): AppError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const path = `${file.root}/${file.path}`;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new AppError("unavailable", `cannot write ${path}: the disk is full`, {
      cause,
      hint: "Make room on the disk.",
    });
  }
  return new AppError("forbidden", `cannot write ${path}: ${code}`, {
    cause,
    hint: `Make ${dirname(path)} a directory that this user may write to.`,
  });
}

function leadsOut(path: string): AppError {
  return new AppError("conflict", `${path} is a link that leads out of the platform's root or nowhere`, {
    hint: `Replace the link ${path} by a real file or directory.`,
  });
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function ignoreExisting(error: NodeJS.ErrnoException): false {
  if (error.code !== "EEXIST") throw error;
  return false;
}
