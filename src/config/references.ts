/**
 * Secret references of the configuration. A reference says where a secret lies;
 * opening one reads it there, at that moment, and nothing keeps the value. Errors
 * name the reference, never the value.
 */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { AppError, readErrorCode } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { readUtf8 } from "#secrets/utf8.ts";

import { readVariable } from "./environment.ts";

export type ParsedReference =
  | { kind: "env"; name: string }
  | { kind: "file"; path: string }
  | { kind: "vault"; credential: string; field: string };

const maxSecretBytes = 64 * 1024;

/** Whether the text is a reference: `env:NAME`, `file:PATH` or `vault:CREDENTIAL/FIELD`. */
export function parseReference(text: string): ParsedReference | undefined {
  const [, kind, rest] = /^(env|file|vault):(.+)$/s.exec(text) ?? [];
  if (rest === undefined || /[\0\r\n]/.test(rest)) return undefined;
  if (kind === "file") return { kind, path: rest };
  if (kind === "env") return /^[A-Za-z_][A-Za-z0-9_]*$/.test(rest) ? { kind, name: rest } : undefined;
  const [, credential, field] = /^([^/\s]+)\/([^/\s]+)$/.exec(rest) ?? [];
  return credential === undefined || field === undefined ? undefined : { kind: "vault", credential, field };
}

/** Every reference of a configuration or a part of it, with its path. */
export function listReferences(part: unknown, path: PropertyKey[] = []): { path: PropertyKey[]; reference: string }[] {
  if (typeof part === "string") return parseReference(part) === undefined ? [] : [{ path, reference: part }];
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) =>
    listReferences(value, [...path, Array.isArray(part) ? Number(key) : key]),
  );
}

/**
 * The secret that a reference names. A relative `file:` path is taken from the
 * configuration's folder; one line break at the end of a file is not part of the secret.
 */
export async function openReference(reference: string, configPath: string): Promise<Secret> {
  const parsed = parseReference(reference);
  if (parsed === undefined) {
    throw new AppError("invalid_input", "a secret stands where a reference belongs", {
      hint: "Write env:NAME or file:PATH and keep the secret there.",
    });
  }
  switch (parsed.kind) {
    case "env":
      return openVariable(parsed.name);
    case "file":
      return openFile(reference, resolve(dirname(configPath), parsed.path));
    case "vault":
      throw new AppError("unavailable", `${reference} lies in the store, which is not open here`, {
        hint: "Use env:NAME or file:PATH for what is needed before the store opens.",
      });
  }
}

/** Who else may read the file of a `file:` reference; undefined when nobody, or when it is no file reference. */
export async function findLooseMode(reference: string, configPath: string): Promise<string | undefined> {
  const parsed = parseReference(reference);
  if (parsed?.kind !== "file") return undefined;
  const path = resolve(dirname(configPath), parsed.path);
  const file = await openForReading(reference, path);
  try {
    const mode = (await file.stat()).mode & 0o777;
    const others = mode & 0o077;
    return others === 0 ? undefined : `${path} has mode 0${mode.toString(8)}: other users can reach it`;
  } finally {
    await file.close();
  }
}

function openVariable(name: string): Secret {
  const value = readVariable(name);
  if (value === undefined) {
    throw new AppError("not_found", `env:${name} is not set`, {
      hint: `Set ${name} in the environment that leveredge runs in.`,
    });
  }
  return new Secret(value);
}

async function openFile(reference: string, path: string): Promise<Secret> {
  const file = await openForReading(reference, path);
  try {
    const { size } = await file.stat();
    if (size > maxSecretBytes) {
      throw new AppError("invalid_input", `${reference} holds ${size} bytes: more than a secret has`, {
        hint: "Name a file that holds the secret alone.",
      });
    }
    const value = readUtf8(await file.readFile(), reference).replace(/\r?\n$/, "");
    if (value !== "") return new Secret(value);
    throw new AppError("not_found", `${reference} is empty`, { hint: `Write the secret into ${path}.` });
  } finally {
    await file.close();
  }
}

/** Opens without waiting, so that a named pipe cannot hold the program. */
async function openForReading(reference: string, path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw describeOpenFailure(reference, path, cause);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new AppError("not_found", `${reference} is not a regular file`, {
    hint: `Write the secret into a file and name that.`,
  });
}

function describeOpenFailure(reference: string, path: string, cause: unknown): AppError {
  const code = readErrorCode(cause);
  if (code === "EACCES" || code === "EPERM") {
    return new AppError("forbidden", `${reference} cannot be read by this user`, {
      cause,
      hint: `Make ${path} readable by the user that runs leveredge, with mode 0600.`,
    });
  }
  return new AppError("not_found", `${reference} is not there`, {
    cause,
    hint: `Write the secret into ${path} with mode 0600.`,
  });
}
