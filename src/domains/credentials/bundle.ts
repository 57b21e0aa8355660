/** A bundle: credentials in clear as lines of JSON, in one age file. The clear text is never on a disk. */
import { link, open, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { AppError, readErrorCode } from "#errors.ts";
import { decryptWithIdentity, readIdentityFile } from "#secrets/age.ts";

import type { BundleLine } from "./import-sources.ts";

const ageHeader = "age-encryption.org/v1\n";
const armorHeader = "-----BEGIN AGE ENCRYPTED FILE-----";

export function isBundle(content: Buffer): boolean {
  const start = content.subarray(0, 64).toString("latin1");
  return start.startsWith(ageHeader) || start.trimStart().startsWith(armorHeader);
}

/** For every recipient; whoever has one of their identities opens it. */
export async function sealBundle(lines: readonly BundleLine[], recipients: readonly string[]): Promise<Uint8Array> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      // The cause may quote an identity that was given by mistake.
      throw new AppError("invalid_input", "--recipient is no age recipient", {
        hint: "Give the public key that age-keygen prints: age1 and 58 more characters.",
      });
    }
  }
  return encrypter.encrypt(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** Its lines, with whichever of the file's identities opens it. */
export async function openBundle(content: Buffer, identityPath: string | undefined, path: string): Promise<string> {
  if (identityPath === undefined) {
    throw new AppError("invalid_input", `${path} is an age file`, { hint: "Name the identity: --identity FILE" });
  }
  const identities = await readIdentityFile(resolve(identityPath));
  let failure: unknown;
  for (const identity of identities) {
    try {
      return (await decryptWithIdentity(identity, content, path)).toString("utf8");
    } catch (error) {
      // Another identity of the file may be the one.
      failure = error;
    }
  }
  throw failure;
}

/** A file that is there stays as it is: it may be the only copy. It has its name only when it is whole. */
export async function writeBundle(path: string, content: Uint8Array): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
      await link(draft, path);
    } finally {
      await file.close();
      await unlink(draft);
    }
    const directory = await open(dirname(path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (cause) {
    const code = readErrorCode(cause);
    throw new AppError("conflict", `cannot write ${path}: ${code === "EEXIST" ? "it exists already" : String(code)}`, {
      hint: "Name another file in a directory that you may write to.",
      cause,
    });
  }
}
