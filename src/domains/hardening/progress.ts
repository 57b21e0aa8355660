/** What a run tells while it works: drawn on a terminal, printed as lines, or dropped. */
import type { Environment } from "#domain.ts";

import type { Outcome } from "./schema.ts";

export type RunProgress =
  | { kind: "run"; runId: string; resumed: boolean; sections: SectionOutline[] }
  | { kind: "note"; text: string }
  | { kind: "step"; step: StepName; phase: "plan" | "apply" | "verify" }
  | { kind: "step-progress"; step: StepName; text: string; done: number | undefined; total: number | undefined }
  | { kind: "step-ended"; step: StepName; outcome: Outcome; summary: string }
  | { kind: "section-ended"; section: number; outcome: Outcome; commit: string | undefined }
  | { kind: "completion"; text: string }
  | { kind: "run-ended"; outcome: Outcome };

export type SectionOutline = { number: number; title: string; steps: StepOutline[] };

export type StepOutline = { step: StepName; title: string; outcome: Outcome | undefined };

/** Identifies a step in a run: at most one has this name. */
export type StepName = { section: number; environment: Environment; action: string };

export type ReportProgress = (progress: RunProgress) => void;

export function formatStepName(step: StepName): string {
  return `section ${step.section} ${step.environment} ${step.action}`;
}

/** A line for those who read a log; undefined for what only a screen should show. */
export function formatProgress(progress: RunProgress): string | undefined {
  switch (progress.kind) {
    case "run":
      return `run ${progress.runId} ${progress.resumed ? "resumes" : "begins"}: ${listTitles(progress.sections)}`;
    case "note":
      return progress.text;
    case "step":
      return `${formatStepName(progress.step)}: ${progress.phase}`;
    case "step-progress":
      return undefined;
    case "step-ended":
      return `${formatStepName(progress.step)}: ${progress.outcome} — ${progress.summary}`;
    case "section-ended":
      return `section ${progress.section}: ${progress.outcome}${progress.commit === undefined ? "" : `, commit ${shortHash(progress.commit)}`}`;
    case "completion":
      return progress.text;
    case "run-ended":
      return `run ended: ${progress.outcome}`;
  }
}

function listTitles(sections: readonly SectionOutline[]): string {
  return sections.map((section) => `§ ${section.number} ${section.title}`).join(", ");
}

function shortHash(hash: string): string {
  return hash.slice(0, 10);
}
