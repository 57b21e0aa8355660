/** What Prometheus reads: the process, every answer by route, the health check, the outbox. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

import type { App } from "#app.ts";
import type { Check } from "#domain.ts";
import { describeChannels } from "#domains/notifications/notifications.ts";

import type { Health } from "./health.ts";

export type Metrics = {
  observe(answer: { method: string; route: string; status: number; ms: number }): void;
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
  const gauge = (name: string, help: string, labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const checks = gauge("leveredge_checks", "Answers of the health check, by domain and state", ["domain", "state"]);
  const deliveries = gauge("leveredge_deliveries", "Messages that wait or are dead, by channel", ["channel", "state"]);
  return {
    observe: ({ method, route, status, ms }) => requests.observe({ method, route, status: String(status) }, ms / 1000),
    render: async () => {
      const { checks: answers } = await health.ask();
      for (const domain of new Set(answers.map((answer) => answer.domain))) {
        for (const state of states) {
          const count = answers.filter((answer) => answer.domain === domain && answer.state === state).length;
          checks.set({ domain, state }, count);
        }
      }
      deliveries.reset();
      for (const { channel, waiting, dead } of await describeChannels(app)) {
        deliveries.set({ channel, state: "waiting" }, waiting);
        deliveries.set({ channel, state: "dead" }, dead);
      }
      return registry.metrics();
    },
  };
}
