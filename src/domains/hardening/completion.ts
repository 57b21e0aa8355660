/**
 * The end of a run: health check, LOOSE-ENDS.md, its commit, and last the run's
 * own row with its event. Killed before that row, all of it is done again; equal
 * findings give an equal file and no second commit.
 */
import { lstat } from "node:fs/promises";

import type { App } from "#app.ts";
import type { Check, Domain } from "#domain.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { redact } from "#secrets/redact.ts";
import { transaction } from "#store/database.ts";
import { findGitObstacle } from "#system/git.ts";
import { findOwner } from "#system/owner.ts";
import { readFileInside, writeFileAtomically } from "#system/write-file.ts";

import type { Lease } from "./lease.ts";
import { type SectionRows, gatherLooseEnds, renderLooseEnds } from "./loose-ends.ts";
import { describeRunEnd } from "./notices.ts";
import { selectSections } from "./outline.ts";
import type { ReportProgress } from "./progress.ts";
import { finishRun, listOtherSections, listSections, listSteps } from "./queries.ts";
import type { HardeningRun, HardeningSection, LooseEnd } from "./schema.ts";
import { commitToPlatform, describeObstacle } from "./section-commit.ts";
import { decideOutcome } from "./step.ts";

export type Completion = { looseEnds: LooseEnd[]; checks: Check[] };

/** Finishes a run whose sections all have their outcome. */
export async function completeRun(
  app: App,
  work: { domains: readonly Domain[]; run: HardeningRun; lease: Lease; report: ReportProgress },
): Promise<Completion> {
  const { run, lease, report } = work;
  report({ kind: "completion", text: "health check" });
  const checks = await checkHealth(app, work.domains);
  lease.signal.throwIfAborted();

  const known = await listKnown(app, work.domains, run);
  const file = await findLooseEndsFile(app.config.platform.root);
  const obstacles = await findObstacles(app, file);
  const open = gatherLooseEnds(known, checks, obstacles);
  const written = await writeLooseEnds(app.config.platform.root, file, open);
  const commit =
    written.length > 0
      ? undefined
      : await commitToPlatform(app, { runId: run.id, subject: "GSD: [Completion] - loose ends", files: [file] });
  lease.signal.throwIfAborted();
  const looseEnds = gatherLooseEnds([], [], [...open, ...written, ...(commit?.looseEnds ?? [])]);

  const [sections, steps] = [await listSections(app.db, run.id), await listSteps(app.db, run.id)];
  const state = decideOutcome(steps);
  await transaction(app.db, async (tx) => {
    lease.confirm(await finishRun(tx, lease.claim, { state, looseEnds }));
    await appendEvent(tx, app.keys, {
      actor: run.requestedBy,
      action: "hardening.run",
      target: `platform ${run.platform}`,
      outcome: state,
      details: { runId: run.id, looseEnds: looseEnds.map(({ id, severity }) => ({ id, severity })) },
      notice: describeRunEnd(run, sections, steps, looseEnds),
    });
  });
  report({ kind: "run-ended", outcome: state });
  return { looseEnds, checks };
}

/** Asks every domain; one that throws is unknown and hides no other. */
export async function checkHealth(app: App, domains: readonly Domain[]): Promise<Check[]> {
  const answers = await Promise.all(
    domains.map(async ({ name, checks }): Promise<Check[]> => {
      try {
        return (await checks?.(app)) ?? [];
      } catch (error) {
        const detail = `cannot be checked: ${redact(error instanceof Error ? error.message : String(error))}`;
        return [{ subject: name, state: "unknown", detail, remedy: "leveredge doctor" }];
      }
    }),
  );
  return answers.flat();
}

/** The sections of this run, and of the other wanted ones what their latest run left: one section's run hides nothing. */
async function listKnown(app: App, domains: readonly Domain[], run: HardeningRun): Promise<SectionRows[]> {
  const own = await readSections(app, await listSections(app.db, run.id), run.id);
  if (run.onlySection === null) return own;
  const wanted = new Set(selectSections(app, domains, undefined).map((section) => section.number));
  const others = (await listOtherSections(app.db, run)).filter((section) => wanted.has(section.number));
  const known = await Promise.all(others.map((section) => readSections(app, [section], section.runId)));
  return [...own, ...known.flat()];
}

async function readSections(
  app: Pick<App, "db">,
  sections: readonly HardeningSection[],
  runId: string,
): Promise<SectionRows[]> {
  const steps = await listSteps(app.db, runId);
  return sections.map((section) => ({ section, steps: steps.filter((step) => step.section === section.number) }));
}

/** One that the operator keeps at the root stays there. */
async function findLooseEndsFile(root: string): Promise<string> {
  const atRoot = "LOOSE-ENDS.md";
  const isThere = await lstat(`${root}/${atRoot}`).then(
    () => true,
    // What cannot be seen is not there; writing tells what is wrong.
    () => false,
  );
  return isThere ? atRoot : `docs/${atRoot}`;
}

/** What will keep the file out of git stands in the file. */
async function findObstacles(app: Pick<App, "run" | "config">, file: string): Promise<LooseEnd[]> {
  try {
    const obstacle = await findGitObstacle(app.run, app.config.platform.root, [file]);
    return obstacle === undefined ? [] : [describeObstacle(obstacle)];
  } catch (error) {
    // The commit itself says what is wrong.
    if (error instanceof AppError) return [];
    throw error;
  }
}

/** A file that cannot be written is one more loose end: the run ends all the same. */
async function writeLooseEnds(root: string, file: string, looseEnds: readonly LooseEnd[]): Promise<LooseEnd[]> {
  try {
    const existing = await readFileInside(root, file);
    const content = renderLooseEnds(existing?.content, looseEnds);
    if (existing?.content.equals(content)) return [];
    const { mode, owner } = existing ?? { mode: 0o644, owner: await findOwner(root) };
    await writeFileAtomically({ root, path: file, content, mode, owner });
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const remedy = error.hint ?? "leveredge doctor";
    return [
      { id: "loose-ends-file", severity: "medium", text: `LOOSE-ENDS.md is not written: ${error.message}`, remedy },
    ];
  }
}
