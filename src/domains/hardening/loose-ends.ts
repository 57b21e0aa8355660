/**
 * Loose ends: what is open after a run, each with the command that closes it.
 * They stand in LOOSE-ENDS.md between two markers; what people write outside the
 * markers stays byte for byte. Neither times nor run ids are in it: an equal
 * state gives an equal file.
 */
import type { Check } from "#domain.ts";
import { AppError } from "#errors.ts";

import type { HardeningSection, HardeningStep, LooseEnd } from "./schema.ts";

export const beginMarker = "<!-- leveredge:begin -->";
export const endMarker = "<!-- leveredge:end -->";

/** What a run was left with that was given up: no other run has it. */
export const abandonedId = "run-abandoned";

const severities = ["high", "medium", "low"] as const;

export type SectionRows = { section: HardeningSection; steps: HardeningStep[] };

/** Everything open, one per id, the most severe first, then by id. */
export function gatherLooseEnds(sections: SectionRows[], checks: Check[], others: LooseEnd[]): LooseEnd[] {
  const all = [
    ...sections.flatMap(({ section, steps }) => [...steps.flatMap(describeStep), ...section.looseEnds]),
    ...checks.flatMap(describeCheck),
    ...others,
  ];
  const byId = new Map<string, LooseEnd>();
  for (const end of all.toSorted(compareLooseEnds)) if (!byId.has(end.id)) byId.set(end.id, end);
  return [...byId.values()];
}

function compareLooseEnds(a: LooseEnd, b: LooseEnd): number {
  const bySeverity = severities.indexOf(a.severity) - severities.indexOf(b.severity);
  if (bySeverity !== 0) return bySeverity;
  const [left, right] = [`${a.id}\n${a.text}`, `${b.id}\n${b.text}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

function describeStep(step: HardeningStep): LooseEnd[] {
  const id = `section-${step.section}:${step.environment}:${step.action}`;
  const again = `leveredge harden --section ${step.section}`;
  if (step.state === "blocked") {
    // The step that it waits for is the loose end.
    if (step.evidence["waitsFor"] !== undefined) return [];
    const text = `section ${step.section}: ${step.environment} ${step.action} is blocked, it needs ${step.needs.join("; ")}`;
    return [{ id, severity: "medium", text, remedy: `meet what it needs, then: ${again}` }, ...step.looseEnds];
  }
  if (step.state === "failed") {
    const { error, summary, hint } = step.evidence;
    const text = `section ${step.section}: ${step.environment} ${step.action} failed: ${String(error ?? summary)}`;
    return [{ id, severity: "high", text, remedy: typeof hint === "string" ? hint : again }, ...step.looseEnds];
  }
  return step.looseEnds;
}

const checkSeverities = { failed: "high", loose: "medium", unknown: "low" } as const;

function describeCheck(check: Check): LooseEnd[] {
  if (check.state === "ok") return [];
  const text = `${check.subject}: ${check.detail}`;
  const remedy = check.remedy ?? "leveredge doctor";
  return [{ id: `check:${check.subject}`, severity: checkSeverities[check.state], text, remedy }];
}

/** The file with the loose ends in it, whatever its encoding; undefined stands for a file that is not there. */
export function renderLooseEnds(existing: Buffer | undefined, looseEnds: readonly LooseEnd[]): Buffer {
  const block = Buffer.from(`${beginMarker}\n${renderBlock(looseEnds)}${endMarker}`);
  if (existing === undefined) return Buffer.concat([Buffer.from("# Loose ends\n\n"), block, Buffer.from("\n")]);
  const place = findBlock(existing);
  if (place === undefined) {
    const gap = existing.length === 0 ? "" : existing.at(-1) === 0x0a ? "\n" : "\n\n";
    return Buffer.concat([existing, Buffer.from(gap), block, Buffer.from("\n")]);
  }
  return Buffer.concat([existing.subarray(0, place.start), block, existing.subarray(place.end)]);
}

/** Where the managed block lies; markers that do not pair are not ours to mend. */
function findBlock(file: Buffer): { start: number; end: number } | undefined {
  const start = file.indexOf(beginMarker);
  const end = file.indexOf(endMarker);
  if (start === -1 && end === -1) return undefined;
  const isOnly = start === file.lastIndexOf(beginMarker) && end === file.lastIndexOf(endMarker);
  if (start === -1 || end < start || !isOnly) {
    throw new AppError("conflict", "the markers of LOOSE-ENDS.md do not form one block", {
      hint: `Leave one ${beginMarker} and one ${endMarker} after it in LOOSE-ENDS.md, or remove both.`,
    });
  }
  return { start, end: end + endMarker.length };
}

function renderBlock(looseEnds: readonly LooseEnd[]): string {
  if (looseEnds.length === 0) return "Nothing is loose.\n";
  return severities
    .map((severity) => ({ severity, ends: looseEnds.filter((end) => end.severity === severity) }))
    .filter(({ ends }) => ends.length > 0)
    .map(({ severity, ends }) => `## ${severity}\n\n${ends.map(renderLooseEnd).join("")}`)
    .join("\n");
}

function renderLooseEnd(end: LooseEnd): string {
  const remedy = toLine(end.remedy).replaceAll("`", "'");
  // A command is copied, a sentence is read.
  const shown = /^(sudo |leveredge |git |apt-get )/.test(remedy) ? `\`${remedy}\`` : remedy;
  return `- ${toLine(end.text)}\n  Remedy: ${shown} (${toLine(end.id)})\n`;
}

/** One line that cannot be taken for a marker. */
function toLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().replaceAll("<!--", "&lt;!--");
}
