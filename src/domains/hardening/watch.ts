/**
 * The regular look at the platform (`harden.schedule`): plans every section, asks
 * every domain's health, changes nothing, and tells people when something came
 * loose or was closed since it was known last. What stays as it was is not told again.
 */
import type { App } from "#app.ts";
import type { Domain } from "#domain.ts";
import { appendEvent } from "#events/events.ts";
import { redact } from "#secrets/redact.ts";
import { transaction } from "#store/database.ts";

import { checkHealth } from "./completion.ts";
import { gatherLooseEnds } from "./loose-ends.ts";
import { formatProgress, type RunProgress } from "./progress.ts";
import { planRun, type RunPlan } from "./run-plan.ts";
import type { LooseEnd } from "./schema.ts";
import { listKnown, updateWatch } from "./watch-queries.ts";

export type WatchResult = { state: "unchanged" | "changed"; loose: number; opened: LooseEnd[]; closed: LooseEnd[] };

const mostTold = 10;

/** Plans, compares, stores and tells, the last two in one transaction. A second call right after tells nothing. */
export async function watchPlatform(
  app: App,
  domains: readonly Domain[],
  work: { actor: string; progress: (text: string) => void },
): Promise<WatchResult> {
  const report = (progress: RunProgress): void => {
    const line = formatProgress(progress);
    if (line !== undefined) work.progress(line);
  };
  const plan = await planRun(app, domains, { onlySection: undefined }, report);
  const open = gatherLooseEnds([], await checkHealth(app, domains), [...plan.looseEnds, ...describePlan(plan)]);
  const looseEnds = open.map((end) => ({ ...end, text: redact(end.text) }));
  return transaction(app.db, async (tx) => {
    const platform = app.config.platform.name;
    const known = await listKnown(tx, platform);
    const opened = without(
      looseEnds,
      known.flatMap((one) => one.looseEnds),
    );
    // A run proves more than a plan sees: what it left open is not closed by not being planned.
    const watched = known.filter(({ source }) => source === "watch").flatMap((one) => one.looseEnds);
    const closed = without(watched, looseEnds);
    await updateWatch(tx, { platform, looseEnds, now: app.now() });
    const result: WatchResult = {
      state: opened.length + closed.length === 0 ? "unchanged" : "changed",
      loose: looseEnds.length,
      opened,
      closed,
    };
    await appendEvent(tx, app.keys, {
      actor: work.actor,
      action: "hardening.plan",
      target: `platform ${platform}`,
      outcome: result.state,
      details: { loose: result.loose, opened: opened.map(({ id }) => id), closed: closed.map(({ id }) => id) },
      ...(result.state === "unchanged" ? {} : { notice: describeChange(platform, result) }),
    });
    return result;
  });
}

/** A step that would do something has come loose; its name is the one that a failed or blocked step has after a run. */
function describePlan(plan: RunPlan): LooseEnd[] {
  return plan.sections.flatMap(({ number, steps }) =>
    steps.flatMap(({ environment, action, state, summary, changes }): LooseEnd[] => {
      if (state === "ready" && changes.length === 0) return [];
      const id = `section-${number}:${environment}:${action}`;
      const what = state === "ready" ? "would change" : `is ${state}`;
      const text = `section ${number}: ${environment} ${action} ${what}: ${summary}`;
      return [
        { id, severity: state === "failed" ? "high" : "medium", text, remedy: `leveredge harden --section ${number}` },
      ];
    }),
  );
}

function without(ends: readonly LooseEnd[], others: readonly LooseEnd[]): LooseEnd[] {
  return ends.filter(({ id }) => !others.some((other) => other.id === id));
}

function describeChange(
  platform: string,
  { opened, closed, loose }: WatchResult,
): { severity: "high" | "normal" | "low"; title: string; text: string } {
  const isHigh = opened.some(({ severity }) => severity === "high");
  const list = (ends: readonly LooseEnd[], line: (end: LooseEnd) => string): string[] => [
    ...ends.slice(0, mostTold).map(line),
    ...(ends.length > mostTold ? [`and ${ends.length - mostTold} more`] : []),
  ];
  const title =
    opened.length > 0
      ? `${opened.length} came loose on ${platform}`
      : `${closed.length} loose ends of ${platform} are closed`;
  const lines = [
    ...list(opened, ({ text, remedy }) => `${text}\n  → ${remedy}`),
    ...list(closed, ({ text }) => `closed: ${text}`),
    `${loose} loose in all. Look: leveredge harden --plan`,
  ];
  return { severity: isHigh ? "high" : opened.length > 0 ? "normal" : "low", title, text: lines.join("\n") };
}
