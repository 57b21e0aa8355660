/** What Prometheus reads of the ledger. */
import type { App } from "#app.ts";
import type { Measure, Sample } from "#domain.ts";

import type { Ledger } from "./ledger.ts";
import { type MonthSums, sumMonth } from "./queries.ts";

/** Prometheus asks every few seconds; a month's sums need not be newer. */
const rememberMs = 60_000;

/** The calls of this ledger since it was made, and the month's sums of all of them. */
export function listMeasures(app: Pick<App, "db" | "now">, ledger: Pick<Ledger, "stats">): Measure[] {
  const readMonth = rememberMonth(app);
  const ofMonth = (name: string, help: string, value: (sums: MonthSums) => number): Measure => ({
    ...{ kind: "gauge", name: `usage_month_${name}`, help, labels: ["environment"] },
    read: async () =>
      (await readMonth()).map((sums) => ({ labels: { environment: sums.environment }, value: value(sums) })),
  });
  return [
    {
      ...{ kind: "counter", name: "usage_calls_total", help: "Calls told to the ledger, by way and what came of them" },
      labels: ["source", "state"],
      read: () => listCounts(ledger),
    },
    {
      ...{ kind: "gauge", name: "usage_waiting_calls", help: "Calls that are not written yet", labels: [] },
      read: () => [{ labels: {}, value: ledger.stats().waiting }],
    },
    ofMonth("cost_usd", "What this month's calls cost so far, those with a price", ({ costUsd }) => Number(costUsd)),
    ofMonth("calls", "This month's calls so far", ({ calls }) => calls),
    ofMonth("unpriced_calls", "Those of this month's calls that have no price", ({ unpricedCalls }) => unpricedCalls),
  ];
}

function listCounts(ledger: Pick<Ledger, "stats">): Sample[] {
  return Object.entries(ledger.stats().sources).flatMap(([source, counts]) =>
    Object.entries(counts).map(([state, value]) => ({ labels: { source, state }, value })),
  );
}

/** Asked for at most once a minute, by several measures at once too. */
function rememberMonth({ db, now }: Pick<App, "db" | "now">): () => Promise<MonthSums[]> {
  let [sums, askedAtMs]: [Promise<MonthSums[]>, number] = [Promise.resolve([]), Number.NEGATIVE_INFINITY];
  return () => {
    const nowMs = now().getTime();
    if (nowMs - askedAtMs < rememberMs) return sums;
    askedAtMs = nowMs;
    sums = sumMonth(db, now().toISOString());
    sums.catch(() => (askedAtMs = Number.NEGATIVE_INFINITY));
    return sums;
  };
}
