/** Health of the ledger by what is stored: reads only. */
import type { App } from "#app.ts";
import type { Check } from "#domain.ts";

import { listUnpricedModels, readState, readTotals, type UnpricedModel } from "./queries.ts";

const dayMs = 86_400_000;
/** What was unpriced longer ago was looked at, or does not matter. */
const lookBackMs = 90 * dayMs;

/** Nothing before the first call. */
export async function checkUsage(app: Pick<App, "db" | "config" | "now">): Promise<Check[]> {
  const { timezone } = await readState(app.db);
  if (timezone === null) return [];
  const since = new Date(app.now().getTime() - lookBackMs).toISOString();
  const { calls, bridges } = await readTotals(app.db);
  const found = [
    ...checkTimezone(timezone, app.config.platform.timezone),
    ...(await listUnpricedModels(app.db, since)).map(checkPrice),
    ...checkBridges(bridges),
  ];
  if (found.length > 0) return found;
  return [{ subject: "usage ledger", state: "ok", detail: `${calls} calls, each with a price` }];
}

function checkTimezone(stored: string, configured: string): Check[] {
  if (stored === configured) return [];
  return [
    {
      subject: "usage sums",
      state: "loose",
      detail: `they are by days of ${stored}, platform.timezone is ${configured}`,
      remedy: "leveredge usage rebuild",
    },
  ];
}

function checkPrice({ model, provider, calls, lastDay }: UnpricedModel): Check {
  const ofProvider = provider === "" ? "" : ` of ${provider}`;
  const line = JSON.stringify({ model, ...(provider === "" ? {} : { provider }) }).slice(1, -1);
  return {
    subject: `price of ${model}${ofProvider}`,
    state: "loose",
    detail: `${calls} ${calls === 1 ? "call" : "calls"} without a cost, the last on ${lastDay}`,
    remedy: `add under usage.prices in leveredge.yaml: - {${line}, input: USD, output: USD} (for a million tokens), restart leveredge serve, then: leveredge usage reprice`,
  };
}

/** Not merged: which of the two counts is right is for somebody to say. */
function checkBridges(bridges: number): Check[] {
  if (bridges === 0) return [];
  return [
    {
      subject: "calls told twice",
      state: "loose",
      detail: `${bridges} calls are booked twice: they were told by two ways under ids that only a later telling joined`,
      remedy: "send the provider's response id by every way that tells of a call",
    },
  ];
}
