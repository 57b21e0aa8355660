/** `leveredge usage anomalies`. */
import type { CommandContext } from "#cli/command.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit } from "#errors.ts";
import { escapeControls } from "#cli/printable.ts";
import { formatUsd, parseUsd, toUsd } from "#prices/usd.ts";
import type { Db } from "#store/database.ts";

import { type Anomaly, daysCompared, fewestDaysBefore, findAnomalies, isJudged } from "./anomalies.ts";
import { lookAtSums, type Moment, readEnvironment, readSpan, refuseLongSpan } from "./asked.ts";
import { alignAmounts, alignRight } from "./bars.ts";
import { addDays, listDates } from "./days.ts";
import type { DayCost } from "./forecast.ts";
import {
  type FirstSeen,
  listAgentDays,
  listFirstSeen,
  listUnpriced,
  type Span,
  type UnpricedCalls,
} from "./queries.ts";
import { count, describeNothing, describeSpan, describeUnpriced, type Layout, readLayout } from "./words.ts";

type Seen = {
  moment: Moment;
  span: Span;
  /** `agent` undefined: all calls of the day. */
  findings: (Anomaly & { agent: string | undefined })[];
  newcomers: (FirstSeen & { kind: "agent" | "model" })[];
  daysNotJudged: number;
  unpriced: UnpricedCalls[];
};

const mostDays = 366;

/** Findings are what was asked for: it ends well with them. */
export async function runAnomalies(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const seen = await lookAtSums(app, readEnvironment(context), (tx, moment) => look(tx, context, moment));
  context.output.data(toJson(seen), describe(seen, readLayout(context)));
  return outcomeExit.ok;
}

async function look(tx: Db, context: CommandContext, moment: Moment): Promise<Seen> {
  const asked = readSpan(context, moment);
  refuseLongSpan(asked, { most: mostDays, what: "usage anomalies" });
  const span = { ...asked, to: asked.to < moment.today ? asked.to : moment.today };
  const nothing = { moment, span, findings: [], newcomers: [], daysNotJudged: 0, unpriced: [] };
  const { firstDay } = moment;
  if (firstDay === null || firstDay > span.to) return nothing;

  const agentDays = await listAgentDays(tx, { ...span, from: addDays(span.from, -daysCompared) });
  const agents = await listFirstSeen(tx, "agent", span);
  const models = await listFirstSeen(tx, "model", span);
  const dayOf = ({ date, costUsd }: { date: string; costUsd: string }): DayCost => ({
    ...{ date, costNanousd: parseUsd(costUsd) },
  });
  const ofAll = findAnomalies(sumDays(agentDays.map(dayOf)), { ...span, firstDay });
  const daysOf = Map.groupBy(agentDays, ({ agent }) => agent);
  const ofAgents = agents.flatMap(({ name, firstDay: own }) =>
    findAnomalies((daysOf.get(name) ?? []).map(dayOf), { ...span, firstDay: own }).map((one) => ({
      ...one,
      agent: name,
    })),
  );
  const findings = [...ofAll.map((one) => ({ ...one, agent: undefined })), ...ofAgents].toSorted((one, other) =>
    one.date < other.date ? -1 : Number(one.date > other.date),
  );
  // What the ledger began with is not new: it may have been there long before.
  const isNew = (one: FirstSeen): boolean => one.firstDay >= span.from && one.firstDay > firstDay;
  const newcomers = [
    ...agents.filter(isNew).map((one) => ({ ...one, kind: "agent" as const })),
    ...models.filter(isNew).map((one) => ({ ...one, kind: "model" as const })),
  ];
  const daysNotJudged = listDates(span.from, span.to).filter((date) => !isJudged(date, firstDay)).length;
  return { ...nothing, findings, newcomers, daysNotJudged, unpriced: await listUnpriced(tx, span) };
}

function sumDays(costs: readonly DayCost[]): DayCost[] {
  const sums = new Map<string, bigint>();
  for (const { date, costNanousd } of costs) sums.set(date, (sums.get(date) ?? 0n) + costNanousd);
  return [...sums].map(([date, costNanousd]) => ({ date, costNanousd }));
}

function describe({ moment, span, findings, newcomers, daysNotJudged, unpriced }: Seen, layout: Layout): string {
  const { paint } = layout;
  if (moment.firstDay === null || moment.firstDay > span.to) return describeNothing(span, moment);
  const days = count(daysNotJudged, "day has", "days have");
  return [
    paint.faint(describeSpan(span)),
    findings.length === 0 ? paint.good("no day stands out") : formatFindings(findings, layout),
    ...newcomers.map(({ kind, name, firstDay, calls, costUsd }) => {
      const cost = costUsd === null ? "no price" : formatUsd(parseUsd(costUsd));
      const since = `since ${firstDay}, ${count(calls, "call", "calls")}, ${cost}`;
      return `${paint.loose(`new ${kind}`)} ${escapeControls(name).replaceAll(/\s/g, " ")} ${since}`;
    }),
    ...(daysNotJudged > 0
      ? [paint.faint(`${days} fewer than ${fewestDaysBefore} before and could not be judged`)]
      : []),
    ...describeUnpriced(unpriced, layout),
  ].join("\n");
}

function formatFindings(findings: Seen["findings"], { paint }: Layout): string {
  const costs = alignAmounts(findings.map(({ costNanousd }) => formatUsd(costNanousd)));
  const usual = alignAmounts(findings.map(({ usualNanousd }) => formatUsd(usualNanousd)));
  const amounts = [alignRight(["cost", ...costs]), alignRight(["usual", ...usual])];
  const scores = alignRight(["z", ...findings.map(({ z }) => (z === undefined ? "" : z.toFixed(1)))]);
  const rows = findings.map(({ date, agent }, index) => [
    ...[date, paint.bad(amounts[0]?.[index + 1] ?? ""), amounts[1]?.[index + 1] ?? "", scores[index + 1] ?? ""],
    agent === undefined ? "all calls" : `agent ${agent}`,
  ]);
  const header = ["day", amounts[0]?.[0] ?? "", amounts[1]?.[0] ?? "", scores[0] ?? "", "of"];
  const legend = `usual: the median of the ${daysCompared} days before; z: how far from it, above 3.5 is told`;
  return `${formatTable(header, rows)}\n${paint.faint(legend)}`;
}

/** Amounts are decimal text; `agent` null: all calls; `z` null: the days before were alike. */
function toJson({ span, findings, newcomers, daysNotJudged, unpriced }: Seen): Record<string, unknown> {
  return {
    ...{ ...span, environment: span.environment ?? null },
    findings: findings.map(({ date, agent, costNanousd, usualNanousd, z }) => ({
      ...{ date, agent: agent ?? null, costUsd: toUsd(costNanousd), usualUsd: toUsd(usualNanousd), z: z ?? null },
    })),
    newcomers: newcomers.map(({ kind, name, firstDay, calls, costUsd }) => ({ kind, name, firstDay, calls, costUsd })),
    ...{ daysNotJudged, unpriced },
  };
}
