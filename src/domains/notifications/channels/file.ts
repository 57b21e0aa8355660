/**
 * A file with one JSON document a line. A line is written at once and is on disk
 * before it counts as sent; a message that is written twice has the same id. A
 * line that a full disk or a kill cut off stays apart from the next.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

import type { Config } from "#config/schema.ts";
import { readErrorCode } from "#errors.ts";

import type { Sender, SendResult } from "./channel.ts";

type File = NonNullable<NonNullable<Config["notifications"]>["channels"]["file"]>;

// Not through a link, and not waiting for the reader of a pipe.
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function openFile({ path }: File): Sender {
  return {
    send: async ({ id, at, severity, title, text }) => {
      try {
        return await appendLine(path, JSON.stringify({ id, at, severity, title, text }));
      } catch (error) {
        return describeFailure(path, error);
      }
    },
  };
}

async function appendLine(path: string, line: string): Promise<SendResult> {
  const file = await open(path, flags, 0o600);
  try {
    const state = await file.stat();
    if (!state.isFile()) return { state: "permanent", why: `${path} is not a regular file` };
    const bytes = Buffer.from(`${(await endsLine(file, state.size)) ? "" : "\n"}${line}\n`);
    const { bytesWritten } = await file.write(bytes);
    await file.sync();
    return bytesWritten === bytes.length
      ? { state: "sent" }
      : { state: "retry", why: `${path}: only ${bytesWritten} of ${bytes.length} bytes were written` };
  } finally {
    await file.close();
  }
}

async function endsLine(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === 0x0a;
}

/** What a person must change is tried again too: it works as soon as they have. */
function describeFailure(path: string, error: unknown): SendResult {
  const code = readErrorCode(error);
  if (code === undefined) throw error;
  if (code === "ELOOP") return { state: "permanent", why: `${path} is a link: name the file itself` };
  return { state: "retry", why: `${path} cannot be written: ${code}` };
}
