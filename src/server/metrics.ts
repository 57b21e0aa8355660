/** What Prometheus reads: the process, every answer by route, and what the store counts. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import type { App } from "#app.ts";
import type { Check, Measure } from "#domain.ts";
import { listRuns } from "#domains/hardening/list-queries.ts";
import { summarizeRun } from "#domains/hardening/run-view.ts";
import { describeChannels } from "#domains/notifications/notifications.ts";
import { countJobs, hasQueue } from "#jobs/queries.ts";

import type { Health } from "./health.ts";
import { countConnections } from "./queries.ts";

export type Metrics = {
  observe(answer: { method: string; route: string; status: number; ms: number }): void;
  add(measure: Measure): void;
  /** In Prometheus' text form. */
  render(): Promise<string>;
};

const states = ["ok", "loose", "failed", "unknown"] as const satisfies readonly Check["state"][];

export function createMetrics(app: App, health: Health): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "leveredge_" });
  const requests = new Histogram({
    name: "leveredge_http_request_duration_seconds",
    help: "Time to answer, by route",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const refreshers = [refreshChecks(registry, health), ...refreshStore(registry, app)];
  return {
    add: (measure) => void refreshers.push(refreshMeasure(registry, measure)),
    observe: ({ method, route, status, ms }) => requests.observe({ method, route, status: String(status) }, ms / 1000),
    render: async () => {
      await Promise.all(refreshers.map((refresh) => refresh()));
      return registry.metrics();
    },
  };
}

type Refresh = () => Promise<void>;

function refreshChecks(registry: Registry, health: Health): Refresh {
  const checks = addGauge(registry, "checks", "Answers of the health check, by domain and state", ["domain", "state"]);
  return async () => {
    const { checks: answers } = await health.ask();
    for (const domain of new Set(answers.map((answer) => answer.domain))) {
      for (const state of states) {
        const count = answers.filter((answer) => answer.domain === domain && answer.state === state).length;
        checks.set({ domain, state }, count);
      }
    }
  };
}

function refreshStore(registry: Registry, app: App): Refresh[] {
  const deliveries = addGauge(registry, "deliveries", "Messages that wait or are dead", ["channel", "state"]);
  const jobs = addGauge(registry, "jobs", "Background jobs, those that ended as long as they are kept", ["state"]);
  const connections = addGauge(registry, "store_connections", "Sessions with the store, by program", ["application"]);
  const run = addGauge(registry, "last_run_started_timestamp_seconds", "When the last hardening run began", ["state"]);
  return [
    async () => {
      const channels = await describeChannels(app);
      deliveries.reset();
      for (const { channel, waiting, dead } of channels) {
        deliveries.set({ channel, state: "waiting" }, waiting);
        deliveries.set({ channel, state: "dead" }, dead);
      }
    },
    async () => {
      const counts = (await hasQueue(app.db)) ? await countJobs(app.db) : [];
      jobs.reset();
      for (const { state, count } of counts) jobs.set({ state }, count);
    },
    async () => {
      const counts = await countConnections(app.db);
      connections.reset();
      for (const { applicationName, count } of counts) connections.set({ application: applicationName }, count);
    },
    async () => {
      const [last] = await listRuns(app.db, app.config.platform.name, { before: undefined, limit: 1 });
      run.reset();
      if (last !== undefined) run.set({ state: summarizeRun(last).state }, Date.parse(last.startedAt) / 1000);
    },
  ];
}

function refreshMeasure(registry: Registry, { kind, name, help, labels, read }: Measure): Refresh {
  const options = { name: `leveredge_${name}`, help, labelNames: [...labels], registers: [registry] };
  const metric = kind === "counter" ? new Counter(options) : new Gauge(options);
  return async () => {
    const samples = await read();
    metric.reset();
    for (const sample of samples) metric.inc(sample.labels, sample.value);
  };
}

function addGauge(registry: Registry, name: string, help: string, labelNames: string[]): Gauge {
  return new Gauge({ name: `leveredge_${name}`, help, labelNames, registers: [registry] });
}
