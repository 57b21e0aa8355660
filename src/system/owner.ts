import { stat } from "node:fs/promises";

import { AppError } from "#errors.ts";

/** Who a file belongs to, as the system counts them. */
export type Owner = { uid: number; gid: number };

/** The owner of a path, a link followed; `not_found` names the path. */
export async function findOwner(path: string): Promise<Owner> {
  const { uid, gid } = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new AppError("not_found", `cannot look at ${path}: ${cause.code ?? cause.message}`, { cause });
  });
  return { uid, gid };
}

/**
 * Whom root acts as, so that what it writes or runs for somebody is theirs.
 * Undefined when this process is not root, or the owner is root itself.
 */
export function actAs(owner: Owner): Owner | undefined {
  return process.getuid?.() === 0 && owner.uid !== 0 ? owner : undefined;
}
