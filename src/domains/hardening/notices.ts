/**
 * What people are told of a run: when it begins, as each section ends, and at its
 * end, in the form that the platform's messages have always had. An equal course
 * gives equal words, however often the run was interrupted: no times, no ids.
 */
import type { Notice } from "#events/schema.ts";

import type { HardeningRun, HardeningSection, HardeningStep, LooseEnd, Outcome } from "./schema.ts";
import { decideOutcome, summarize } from "./step.ts";

type Steps = readonly HardeningStep[];

const marks: Record<Outcome, string> = { verified: "✅", blocked: "⛔", failed: "❌" };

/** A reason is shown in a message on a phone. */
const longestReason = 200;

export function describeBeginning(run: Pick<HardeningRun, "platform">, outcome: "started" | "resumed"): Notice {
  return {
    severity: "low",
    title: `hardening of ${run.platform} ${outcome}`,
    text: "Follow it: leveredge runs show",
  };
}

export function describeSectionEnd(section: Pick<HardeningSection, "number" | "title">, steps: Steps): Notice {
  const outcome = decideOutcome(steps);
  const again = outcome === "verified" ? [] : [`Look: leveredge harden --plan --section ${section.number}`];
  return {
    severity: outcome === "failed" ? "high" : "normal",
    title: `${marks[outcome]} Section ${section.number} ${outcome}: ${section.title}`,
    text: [...steps.map(formatStep), ...again].join("\n"),
    section: section.number,
  };
}

/** The summary at the end: one line for each section, then what is loose. */
export function describeRunEnd(
  run: Pick<HardeningRun, "platform">,
  sections: readonly Pick<HardeningSection, "number" | "title">[],
  steps: Steps,
  looseEnds: readonly LooseEnd[],
): Notice {
  const outcome = decideOutcome(steps);
  const lines = sections.map((section) => {
    const own = steps.filter((step) => step.section === section.number);
    return [`${marks[decideOutcome(own)]} ${section.title}`, ...listReasons(own)].join("\n   ");
  });
  return {
    severity: outcome === "verified" ? "normal" : "high",
    title: outcome === "verified" ? "🔧 MEGA GSD Complete!" : `🔧 MEGA GSD ended ${outcome}`,
    text: [...lines, "", `${run.platform}: ${countLooseEnds(looseEnds)}. Review: leveredge status`].join("\n"),
  };
}

function formatStep(step: HardeningStep): string {
  const mark = marks[decideOutcome([step])];
  // No colon: what follows "token:" would be taken for a secret.
  return `${mark} ${step.environment} ${step.title}${step.state === "verified" ? "" : ` — ${reasonOf(step)}`}`;
}

/** Why a section is not verified; a step that waits for another has no reason of its own. */
function listReasons(steps: Steps): string[] {
  return steps
    .filter((step) => step.state !== "verified" && step.evidence["waitsFor"] === undefined)
    .map((step) => `${step.environment} ${step.action} ${step.state} — ${reasonOf(step)}`);
}

function reasonOf(step: HardeningStep): string {
  const line = summarize(step).replace(/\s+/g, " ");
  return line.length <= longestReason ? line : `${line.slice(0, longestReason - 1)}…`;
}

function countLooseEnds(looseEnds: readonly LooseEnd[]): string {
  const high = looseEnds.filter(({ severity }) => severity === "high").length;
  if (looseEnds.length === 0) return "nothing is loose";
  const ends = looseEnds.length === 1 ? "1 loose end" : `${looseEnds.length} loose ends`;
  return high === 0 ? ends : `${ends}, ${high} of them high`;
}
