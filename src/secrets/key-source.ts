/**
 * Where the unseal key comes from. `LEVEREDGE_UNSEAL_KEY` names it: `file:PATH`,
 * `systemd:NAME`, `age:FILE` (with `LEVEREDGE_AGE_IDENTITY=file:PATH`) or `env:NAME`;
 * else it is the file in the state directory. A source is read and never written
 * here. One that has no key is an answer; one whose key others can reach is `sealed`.
 */
import { isAbsolute, join } from "node:path";

import { AppError } from "#errors.ts";

import { decryptWithIdentity, readIdentityFile, readSmallFile } from "./age.ts";
import type { SealingKey } from "./envelope.ts";
import { unsealKeyOf } from "./key-ring.ts";
import { Secret } from "./secret.ts";
import { openGuardedFile, readExactly, readUnsealKey, unsealKeyPath } from "./unseal-key.ts";

export type KeySource =
  /** `isOwn`: the state directory's, which is made for a new store. */
  | { kind: "file"; path: string; isOwn: boolean }
  /** `path` is that of the credential when systemd gave this process any. */
  | { kind: "systemd"; name: string; path: string | undefined }
  | { kind: "age"; path: string; identityPath: string }
  /** Its value is read with the source: it stays in the environment whatever is done. */
  | { kind: "env"; name: string; value: Secret | undefined };

/** Reads a variable of the environment; undefined when it is not set. */
type ReadVariable = (name: string) => string | undefined;

const keyBytes = 32;

/** The source that a text names; without one it is the key file of the state directory. */
export function parseKeySource(
  text: string | undefined,
  stateDirectory: string,
  readVariable: ReadVariable,
): KeySource {
  if (text === undefined) return { kind: "file", path: unsealKeyPath(stateDirectory), isOwn: true };
  const [, kind, rest = ""] = /^(file|systemd|age|env):([^\0\r\n]+)$/.exec(text) ?? [];
  switch (kind) {
    case "file":
      return { kind, path: requireAbsolute(rest, text), isOwn: false };
    case "age":
      return { kind, path: requireAbsolute(rest, text), identityPath: readIdentityPath(text, readVariable) };
    case "systemd": {
      // As systemd has it: a credential's name is a file's name.
      if (!/^[^/]+$/.test(rest) || rest === "." || rest === "..") throw noSource(text);
      const directory = readVariable("CREDENTIALS_DIRECTORY");
      return { kind, name: rest, path: directory === undefined ? undefined : join(directory, rest) };
    }
    case "env": {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(rest)) throw noSource(text);
      const value = readVariable(rest);
      return { kind, name: rest, value: value === undefined ? undefined : new Secret(value) };
    }
    default:
      throw noSource(text);
  }
}

/** In an operator's words: `the key file /var/lib/leveredge/unseal.key`. */
export function describeKeySource(source: KeySource): string {
  switch (source.kind) {
    case "file":
      return `the key file ${source.path}`;
    case "systemd":
      return `the systemd credential ${source.name}`;
    case "age":
      return `the age file ${source.path}`;
    case "env":
      return `the variable ${source.name}`;
  }
}

/** The key of the source; undefined when there is none. */
export async function readKeySource(source: KeySource): Promise<SealingKey | undefined> {
  switch (source.kind) {
    case "file":
      return readUnsealKey(source.path);
    case "systemd":
      return source.path === undefined ? undefined : readSystemdCredential(source.path);
    case "age":
      return readAgeFile(source);
    case "env":
      return source.value === undefined ? undefined : decodeKey(source.name, source.value);
  }
}

/** systemd lets a service's user in by an access list, which a mode shows as its group's right to read. */
async function readSystemdCredential(path: string): Promise<SealingKey | undefined> {
  const file = await openGuardedFile(path, "systemd credential", 0o037);
  if (file === undefined) return undefined;
  try {
    return unsealKeyOf(await readExactly(file, path));
  } finally {
    await file.close();
  }
}

async function readAgeFile({ path, identityPath }: { path: string; identityPath: string }) {
  // What it holds is encrypted: others may read it, and nobody else may change it.
  const file = await openGuardedFile(path, "age file", 0o022);
  if (file === undefined) return undefined;
  try {
    const identities = await readIdentityFile(identityPath);
    const [identity] = identities;
    if (identity === undefined || identities.length > 1) {
      throw new AppError("sealed", `${identityPath} holds ${identities.length} age identities, expected one`, {
        hint: "Leave the one that opens the key file.",
      });
    }
    const bytes = await decryptWithIdentity(identity, await readSmallFile(file, path), path);
    return toUnsealKey(bytes, path);
  } finally {
    await file.close();
  }
}

function decodeKey(name: string, value: Secret): SealingKey {
  const text = value.reveal().trim();
  const isHex = /^[0-9a-fA-F]{64}$/.test(text);
  if (!isHex && !/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) {
    throw new AppError("sealed", `the variable ${name} does not hold a key of ${keyBytes} bytes`, {
      hint: `Set it to 64 hexadecimal digits or to base64: openssl rand -hex ${keyBytes}`,
    });
  }
  return toUnsealKey(Buffer.from(text, isHex ? "hex" : "base64"), `the variable ${name}`);
}

function toUnsealKey(bytes: Buffer, what: string): SealingKey {
  if (bytes.length === keyBytes) return unsealKeyOf(bytes);
  bytes.fill(0);
  throw new AppError("sealed", `${what} does not hold a key of ${keyBytes} bytes`, {
    hint: "Restore it from your copy of it.",
  });
}

function readIdentityPath(text: string, readVariable: ReadVariable): string {
  const identity = readVariable("LEVEREDGE_AGE_IDENTITY");
  const path = identity === undefined ? undefined : /^file:([^\0\r\n]+)$/.exec(identity)?.[1];
  if (path !== undefined) return requireAbsolute(path, "LEVEREDGE_AGE_IDENTITY");
  throw new AppError("invalid_input", `${text} needs LEVEREDGE_AGE_IDENTITY to name its identity file`, {
    hint: "Set LEVEREDGE_AGE_IDENTITY=file:/absolute/path of the identity, mode 0400.",
  });
}

function requireAbsolute(path: string, text: string): string {
  if (isAbsolute(path)) return path;
  throw new AppError("invalid_input", `the path of ${text} is not absolute`, {
    hint: "Write it from the root: file:/var/lib/leveredge/unseal.key",
  });
}

/** What stands there may be a key that somebody put in the wrong place: it is not repeated. */
function noSource(text: string): AppError {
  const kind = /^(file|systemd|age|env):/.exec(text)?.[0] ?? "";
  return new AppError(
    "invalid_input",
    `the source of the unseal key${kind && ` (${kind}…)`} is not one that this program knows`,
    {
      hint: "Set LEVEREDGE_UNSEAL_KEY to file:PATH, systemd:NAME, age:FILE or env:NAME.",
    },
  );
}
