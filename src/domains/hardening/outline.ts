/** The outline of a run: its sections and steps as rows, before anything is done. */
import type { App } from "#app.ts";
import type { Domain, Section, Step } from "#domain.ts";
import { AppError } from "#errors.ts";
import type { Db } from "#store/database.ts";

import { formatStepName } from "./progress.ts";
import {
  deleteSectionsExcept,
  deleteStep,
  insertSection,
  insertStep,
  listSteps,
  updateSectionsToPending,
} from "./queries.ts";
import type { HardeningRun } from "./schema.ts";

/** The sections that the configuration asks for, by number. */
export function selectSections(
  app: Pick<App, "config">,
  domains: readonly Domain[],
  only: number | undefined | null,
): Section[] {
  const built = domains.flatMap((domain) => domain.sections ?? []).toSorted((a, b) => a.number - b.number);
  if (typeof only === "number" && !built.some((section) => section.number === only)) {
    throw new AppError("not_found", `there is no section ${only}`, {
      hint: `Choose one of ${built.map((section) => section.number).join(", ")}.`,
    });
  }
  return built.filter((section) => section.number === (only ?? section.number) && section.wanted(app.config));
}

/** The same, for a run that begins: it must have something to do. */
export function selectSomeSections(
  app: Pick<App, "config">,
  domains: readonly Domain[],
  only: number | undefined,
): Section[] {
  const wanted = selectSections(app, domains, only);
  if (wanted.length > 0) return wanted;
  const what = only === undefined ? "any section that is built" : `section ${only}`;
  throw new AppError("precondition_failed", `the configuration does not ask for ${what}`, {
    hint: "Add what is to be hardened to leveredge.yaml: leveredge doctor shows what is there.",
  });
}

/** Dev and shared steps in their order, then prod's. */
export function orderSteps(app: Pick<App, "config">, section: Section): Step[] {
  const steps = section.steps(app.config);
  return [
    ...steps.filter((step) => step.environment !== "prod"),
    ...steps.filter((step) => step.environment === "prod"),
  ];
}

/** Adds sections and steps; one that is there already begins anew. */
export async function insertOutline(
  tx: Db,
  app: Pick<App, "config">,
  runId: string,
  sections: Section[],
): Promise<void> {
  for (const section of sections) {
    await insertSection(tx, runId, section);
    for (const [position, { environment, action, title }] of orderSteps(app, section).entries()) {
      await insertStep(tx, runId, { section: section.number, position, environment, action, title });
    }
  }
}

/** Every step begins anew under the present configuration; answers what is different, for people. */
export async function replaceOutline(tx: Db, app: App, seen: HardeningRun, sections: Section[]): Promise<string[]> {
  const before = await listSteps(tx, seen.id);
  await deleteSectionsExcept(
    tx,
    seen.id,
    sections.map((section) => section.number),
  );
  const wanted = new Set(
    sections.flatMap((section) =>
      orderSteps(app, section).map((step) => formatStepName({ ...step, section: section.number })),
    ),
  );
  const removed = before.filter((step) => !wanted.has(formatStepName(step)));
  for (const step of removed) await deleteStep(tx, step.id);
  await updateSectionsToPending(tx, seen.id);
  await insertOutline(tx, app, seen.id, sections);

  const known = new Set(before.map(formatStepName));
  const changed = (what: string, was: string, is: string): string[] =>
    was === is ? [] : [`${what} is not the one that the run began with: ${was.slice(0, 12)} → ${is.slice(0, 12)}`];
  return [
    ...changed("the configuration", seen.configSha256, app.configSha256),
    ...changed("the program", seen.programVersion, app.programVersion),
    ...removed.map((step) => `- ${formatStepName(step)}`),
    ...[...wanted].filter((name) => !known.has(name)).map((name) => `+ ${name}`),
    "every step is planned again",
  ];
}
