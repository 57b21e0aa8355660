/**
 * Files that this program puts on the platform and keeps as they must be. They carry a
 * mark; a file of the same name without it is somebody else's, and is kept beside ours.
 */
import { createHash } from "node:crypto";

import { AppError } from "#errors.ts";

import { findOwner } from "./owner.ts";
import { readFileInside, writeFileAtomically } from "./write-file.ts";

/** What it must be: its path relative to the root, and content that has the mark. */
export type WantedFile = { root: string; path: string; content: string; mode: number };

export type ManagedFile = WantedFile & {
  state: "current" | "absent" | "outdated" | "foreign";
  /** Where a foreign file goes; undefined when it is kept there already. */
  keepAs: string | undefined;
};

const marker = "# Managed by LeverEdge:";
const maxKept = 99;

/** What is there now. Reads only. */
export async function inspectManagedFile(wanted: WantedFile): Promise<ManagedFile> {
  const { root, path, content, mode } = wanted;
  const found = await readInside(root, path);
  if (found === undefined) return { ...wanted, keepAs: undefined, state: "absent" };
  if (!found.content.includes(marker)) {
    return { ...wanted, keepAs: await findKeepingPlace(root, path, found.content), state: "foreign" };
  }
  const isCurrent = found.content === content && found.mode === mode;
  return { ...wanted, keepAs: undefined, state: isCurrent ? "current" : "outdated" };
}

/** Writes it as the owner of the root. A foreign file is on disk under its other name before ours replaces it. */
export async function writeManagedFile(wanted: WantedFile): Promise<void> {
  const { root, path, content, mode } = wanted;
  const { state, keepAs } = await inspectManagedFile(wanted);
  if (state === "current") return;
  const owner = await findOwner(root);
  const foreign = keepAs === undefined ? undefined : await readInside(root, path);
  if (keepAs !== undefined && foreign !== undefined) {
    await writeFileAtomically({ root, path: keepAs, content: foreign.content, mode: foreign.mode, owner });
  }
  await writeFileAtomically({ root, path, content, mode, owner });
}

/** One line for each thing that writing it does; none when it is current. */
export function describeWriting({ path, state, keepAs }: ManagedFile): string[] {
  switch (state) {
    case "current":
      return [];
    case "absent":
      return [`write ${path}`];
    case "outdated":
      return [`write ${path} anew`];
    case "foreign":
      return [...(keepAs === undefined ? [] : [`keep the ${path} that is there as ${keepAs}`]), `write ${path}`];
  }
}

/** SHA-256 of a file's content: what a plan promises and a proof shows. */
export function digestContent(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

async function readInside(root: string, path: string): Promise<{ content: string; mode: number } | undefined> {
  const found = await readFileInside(root, path);
  return found === undefined ? undefined : { content: found.content.toString("utf8"), mode: found.mode & 0o777 };
}

/** The first free name to keep a foreign file under; undefined when it is kept already. */
async function findKeepingPlace(root: string, path: string, content: string): Promise<string | undefined> {
  for (let copy = 1; copy <= maxKept; copy += 1) {
    const place = `${path}.before-leveredge${copy === 1 ? "" : `.${copy}`}`;
    const kept = await readInside(root, place);
    if (kept === undefined) return place;
    if (kept.content === content) return undefined;
  }
  throw new AppError("conflict", `${maxKept} files named ${path}.before-leveredge… are kept already`, {
    hint: "Remove those that nobody needs.",
  });
}
