/** A run on a terminal: sections as tasks, steps below them, what is being done now and for how long. */
import { Listr, type ListrTask, PRESET_TIMER } from "listr2";

import { makePrintable } from "#cli/printable.ts";

import type { ReportProgress, RunProgress, SectionOutline, StepName, StepOutline } from "./progress.ts";
import { formatStepName } from "./progress.ts";

export type LiveProgress = {
  report: ReportProgress;
  /** Ends the drawing; what has no outcome yet is left open. */
  close(): Promise<void>;
};

/** What the drawing of one task waits for and shows. */
type Line = {
  show(text: string): void;
  ended: PromiseWithResolvers<Ending>;
};

type Ending = { outcome: "verified" | "blocked" | "failed" | "open"; text: string };

const open: Ending = { outcome: "open", text: "" };

const phases = { plan: "planning", apply: "applying", verify: "verifying" } as const;

/**
 * Draws from the first report on; notes are said before and after the drawing.
 * Needs a terminal at both stdout and stderr, because listr2 draws on stdout.
 */
export function openLiveProgress(say: (line: string) => void): LiveProgress {
  const notes: string[] = [];
  const lines = new Map<string, Line>();
  let drawing: Promise<unknown> | undefined;
  let isClosed = false;

  const lineOf = (name: string): Line => {
    const known = lines.get(name);
    if (known !== undefined) return known;
    const line: Line = { show: () => undefined, ended: Promise.withResolvers<Ending>() };
    // Tasks that listr2 begins only now, after the one that was interrupted, have nothing to wait for.
    if (isClosed) line.ended.resolve(open);
    lines.set(name, line);
    return line;
  };
  const draw = (sections: SectionOutline[]): void => {
    const tasks = [...sections.map((section) => drawSection(section, lineOf)), drawCompletion(lineOf)];
    drawing = new Listr(tasks, {
      concurrent: false,
      exitOnError: false,
      registerSignalListeners: false,
      // The report follows, and says it all.
      rendererOptions: { collapseSubtasks: false, clearOutput: true, timer: PRESET_TIMER },
    })
      .run()
      // A task that did not end well has told so in its own line.
      .catch(() => undefined);
  };

  return {
    report(progress) {
      if (progress.kind === "run") draw(progress.sections);
      else if (progress.kind !== "note") applyProgress(progress, lineOf);
      else if (drawing === undefined) say(progress.text);
      else notes.push(progress.text);
    },
    async close() {
      isClosed = true;
      for (const line of lines.values()) line.ended.resolve(open);
      await drawing;
      for (const note of notes.splice(0)) say(note);
    },
  };
}

function applyProgress(progress: Exclude<RunProgress, { kind: "run" | "note" }>, lineOf: (name: string) => Line): void {
  switch (progress.kind) {
    case "completion":
      return lineOf("completion").show(progress.text);
    case "step":
      return lineOf(formatStepName(progress.step)).show(phases[progress.phase]);
    case "step-progress": {
      const count = progress.total === undefined ? "" : ` ${progress.done ?? 0}/${progress.total}`;
      return lineOf(formatStepName(progress.step)).show(`${progress.text}${count}`);
    }
    case "step-ended":
      return lineOf(formatStepName(progress.step)).ended.resolve({ outcome: progress.outcome, text: progress.summary });
    case "section-ended":
      return undefined;
    case "run-ended":
      return lineOf("completion").ended.resolve({ outcome: "verified", text: "" });
  }
}

function drawSection(section: SectionOutline, lineOf: (name: string) => Line): ListrTask {
  return {
    title: `§ ${section.number}  ${section.title}`,
    task: (_context, task) =>
      task.newListr(
        section.steps.map((step) => drawStep(step, lineOf)),
        { concurrent: false, exitOnError: false },
      ),
  };
}

function drawStep({ step, title, outcome }: StepOutline, lineOf: (name: string) => Line): ListrTask {
  const name = nameStep(step, title);
  return {
    title: name,
    task: (_context, task) =>
      follow(task, name, outcome === undefined ? lineOf(formatStepName(step)) : undefined, outcome),
  };
}

function drawCompletion(lineOf: (name: string) => Line): ListrTask {
  return { title: "Completion", task: (_context, task) => follow(task, "Completion", lineOf("completion"), undefined) };
}

type Drawn = { title: string | undefined; output: string | undefined; skip(message?: string): void };

async function follow(
  task: Drawn,
  name: string,
  line: Line | undefined,
  outcome: Ending["outcome"] | undefined,
): Promise<void> {
  if (line !== undefined) {
    line.show = (text) => {
      task.output = makePrintable(text);
    };
  }
  const ending = line === undefined ? { outcome: outcome ?? "open", text: "done before" } : await line.ended.promise;
  const title = ending.text === "" ? name : makePrintable(`${name} — ${ending.text}`);
  if (ending.outcome === "blocked" || ending.outcome === "open") return task.skip(title);
  task.title = title;
  if (ending.outcome === "failed") throw new Error(title);
}

function nameStep(step: StepName, title: string): string {
  return `${step.environment.padEnd(6)}  ${title}`;
}
