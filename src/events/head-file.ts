/**
 * The end of the chain, remembered outside the database: whoever cuts the last
 * events off in the database cannot cut them off here.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { z } from "zod";

import { AppError } from "#errors.ts";

const Head = z.strictObject({
  instanceId: z.string(),
  position: z.int().positive(),
  mac: z.string().regex(/^[0-9a-f]{64}$/),
});
/** The last position that was sealed, its MAC in hexadecimal, and the store it belongs to. */
export type Head = z.output<typeof Head>;

/** Where a state directory keeps it. */
export function headPath(stateDirectory: string): string {
  return join(stateDirectory, "audit-head.json");
}

/** Undefined when there is no file yet. */
export async function readHead(path: string): Promise<Head | "damaged" | undefined> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new AppError("unavailable", `cannot read ${path}: ${cause.code ?? cause.message}`, { cause });
  });
  if (text === undefined) return undefined;
  try {
    return Head.parse(JSON.parse(text));
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof z.ZodError) return "damaged";
    throw cause;
  }
}

/** Replaces the file as a whole; it is on disk when this returns. */
export async function writeHead(path: string, head: Head): Promise<void> {
  await replaceFile(path, `${JSON.stringify(head)}\n`).catch((cause: NodeJS.ErrnoException) => {
    throw new AppError("unavailable", `cannot write ${path}: ${cause.code ?? cause.message}`, {
      hint: `Make room and access for ${path}, then try again.`,
      cause,
    });
  });
}

async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await rename(draft, path);
  } catch (cause) {
    await unlink(draft);
    throw cause;
  } finally {
    await file.close();
  }
  const directory = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
