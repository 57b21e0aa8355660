/**
 * age files: the form in which a key is kept by somebody who can decrypt it, or
 * lies on a disk that others read. The library is loaded by the call that needs it.
 */
import type { FileHandle } from "node:fs/promises";

import { AppError } from "#errors.ts";

import { openGuardedFile } from "./unseal-key.ts";

const armorBegin = "-----BEGIN AGE ENCRYPTED FILE-----";
const maxFileBytes = 64 * 1024;

/** An age identity and the recipient that belongs to it, which is no secret. */
export type AgeIdentity = { identity: string; recipient: string };

/** The bytes for one recipient, as armored text. A recipient whose identity this program could not use is refused. */
export async function encryptForRecipient(recipient: string, bytes: Uint8Array): Promise<string> {
  const { Encrypter, armor } = await import("age-encryption");
  const encrypter = new Encrypter();
  try {
    if (!/^age1(?!tag)/.test(recipient)) throw new Error("not a native recipient");
    encrypter.addRecipient(recipient);
    return armor.encode(await encrypter.encrypt(bytes));
  } catch (cause) {
    throw new AppError(
      "invalid_input",
      `${JSON.stringify(recipient)} is no age recipient that a key can be sealed to`,
      {
        hint: "Give the public key that age-keygen prints: age1 and 58 more characters.",
        cause,
      },
    );
  }
}

/** What an age file holds, armored or not; `sealed` when this identity does not open it. The caller overwrites it. */
export async function decryptWithIdentity({ identity }: AgeIdentity, file: Buffer, what: string): Promise<Buffer> {
  const { Decrypter, armor } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    const text = file.subarray(0, 100).toString("latin1").trimStart();
    const bytes = await decrypter.decrypt(text.startsWith(armorBegin) ? armor.decode(file.toString("latin1")) : file);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (cause) {
    throw new AppError("sealed", `${what} does not open with this age identity`, {
      hint: "Name the identity file that belongs to its recipient.",
      cause,
    });
  }
}

/** The identities of a file as age-keygen writes it, which its owner alone may read. */
export async function readIdentityFile(path: string): Promise<AgeIdentity[]> {
  const file = await openGuardedFile(path, "age identity", 0o077);
  if (file === undefined) {
    throw new AppError("sealed", `there is no age identity ${path}`, {
      hint: `Put the identity file at ${path} with mode 0400.`,
    });
  }
  try {
    return await parseIdentities((await readSmallFile(file, path)).toString("utf8"), path);
  } finally {
    await file.close();
  }
}

/** The bytes of an open file; one larger than any key in age's form is refused. */
export async function readSmallFile(file: FileHandle, path: string): Promise<Buffer> {
  const { size } = await file.stat();
  if (size <= maxFileBytes) return file.readFile();
  throw new AppError("sealed", `${path} holds ${size} bytes: more than a key has`, { hint: `Put the key at ${path}.` });
}

async function parseIdentities(text: string, path: string): Promise<AgeIdentity[]> {
  const { identityToRecipient } = await import("age-encryption");
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  try {
    if (lines.length === 0) throw new Error("it has no line with one");
    return await Promise.all(
      lines.map(async (identity) => ({ identity, recipient: await identityToRecipient(identity) })),
    );
  } catch {
    // The cause may quote the identity.
    throw new AppError("sealed", `${path} is no age identity file`, {
      hint: "Name a file that age-keygen wrote: its line begins with AGE-SECRET-KEY-1.",
    });
  }
}
