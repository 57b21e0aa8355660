/** Drills in words: one line, one table, one exit code, the same wherever they are shown. */
import { basename } from "node:path";

import type { Paint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit, type OutcomeExit } from "#errors.ts";

import type { SetDrill } from "./schema.ts";

type Told = Pick<SetDrill, "verdict" | "stale">;

export type DrillWord = "verified" | "stale" | "damaged" | "unverifiable" | "missing";

const shownNames = 3;

const order: DrillWord[] = ["verified", "stale", "unverifiable", "damaged", "missing"];

/** What health checks and loose ends call it. */
export function setSubject(name: string): string {
  return `backup set ${name}`;
}

/** The verdict, or that what restored is too old. */
export function wordOf({ verdict, stale }: Told): DrillWord {
  return verdict === "verified" && stale ? "stale" : verdict;
}

/**
 * `chronos: verified (content), data of 2026-11-22 03:00 UTC`. It holds no age and no
 * duration: told again, it is the same.
 */
export function describeDrill(drill: SetDrill): string {
  const word = wordOf(drill);
  if (word !== "verified") return `${drill.setName}: ${word}, ${drill.why}`;
  const data = drill.dataAt === null ? "" : `, data of ${formatInstant(drill.dataAt)}`;
  return `${drill.setName}: ${word} (${describeAssurance(drill)})${data}`;
}

/** `content`, and what was not restored because a drill has no superuser: `content, but for publication changes`. */
export function describeAssurance({ assurance, evidence }: Pick<SetDrill, "assurance" | "evidence">): string {
  const leftOut = listLeftOut(evidence);
  return [String(assurance), ...(leftOut === undefined ? [] : [`but for ${leftOut}`])].join(", ");
}

function listLeftOut({ leftOut }: SetDrill["evidence"]): string | undefined {
  if (!Array.isArray(leftOut) || leftOut.length === 0) return undefined;
  const rest = leftOut.length - shownNames;
  return `${leftOut.slice(0, shownNames).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** Whether nothing could be told because the manifest beside the dump is damaged. */
export function isManifestDamaged({ evidence }: Pick<SetDrill, "evidence">): boolean {
  return typeof evidence["manifestFault"] === "string";
}

/** The command that mends it; none for a good backup. */
export function remedyOf(drill: SetDrill): string[] {
  switch (wordOf(drill)) {
    case "verified":
      return [];
    case "stale":
    case "damaged":
      return [`leveredge backups create ${drill.setName}`];
    case "missing":
    case "unverifiable": {
      if (isManifestDamaged(drill)) return [`leveredge backups create ${drill.setName}`];
      const { remedy } = drill.evidence;
      return [typeof remedy === "string" ? remedy : `leveredge backups verify ${drill.setName}`];
    }
  }
}

/** `3 sets drilled: 1 verified, 1 stale, 1 damaged`. */
export function countDrills(drills: readonly Told[]): string {
  const counts = order.flatMap((word) => {
    const count = drills.filter((drill) => wordOf(drill) === word).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return `${drills.length} ${drills.length === 1 ? "set" : "sets"} drilled: ${counts.join(", ")}`;
}

/** The worst of them: damaged or missing is a failure, what nobody could tell is blocked, too old is drift. */
export function exitOfDrills(drills: readonly Told[]): OutcomeExit {
  const words = new Set(drills.map(wordOf));
  if (words.has("damaged") || words.has("missing")) return outcomeExit.failed;
  if (words.has("unverifiable")) return outcomeExit.blocked;
  return words.has("stale") ? outcomeExit.drift : outcomeExit.ok;
}

/** One row for each drill; below it stands what was not restored, or the reason and the remedy. */
export function formatDrills(drills: readonly SetDrill[], paint: Paint): string {
  const header = ["SET", "VERDICT", "ASSURANCE", "AGE", "RESTORE", "VERIFY", "FILE"].map(paint.faint);
  const rows = drills.map((drill) => [
    drill.setName,
    paintWord(wordOf(drill), paint),
    drill.assurance ?? "-",
    drill.dataAt === null ? "-" : formatAge(drill.dataAt, drill.finishedAt),
    drill.restoreMs === null ? "-" : formatMs(drill.restoreMs),
    drill.verifyMs === null ? "-" : formatMs(drill.verifyMs),
    drill.file === null ? "-" : basename(drill.file),
  ]);
  const lines = formatTable(header, rows).split("\n");
  return lines.flatMap((line, index) => [line, ...describeTrouble(drills[index - 1], paint)]).join("\n");
}

function describeTrouble(drill: SetDrill | undefined, paint: Paint): string[] {
  if (drill === undefined) return [];
  if (wordOf(drill) === "verified") {
    const leftOut = listLeftOut(drill.evidence);
    return leftOut === undefined
      ? []
      : [`  ${paint.faint(`not restored, because a drill has no superuser: ${leftOut}`)}`];
  }
  return [`  ${drill.why}`, ...remedyOf(drill).map((remedy) => `  ${paint.faint(`→ ${remedy}`)}`)];
}

export function paintWord(word: DrillWord, paint: Paint): string {
  if (word === "verified") return paint.good(word);
  return word === "damaged" || word === "missing" ? paint.bad(word) : paint.loose(word);
}

/** `2026-11-22 03:00 UTC`. */
export function formatInstant(at: string): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Time between two instants in its largest unit: `14 min`, `3 h`, `2 d`. */
export function formatAge(from: string, to: string): string {
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** `840 ms`, `12.4 s`, `3 min`. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** `21.7 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${step === 0 ? bytes : (bytes / 1000 ** step).toFixed(1)} ${units[step] ?? "B"}`;
}
