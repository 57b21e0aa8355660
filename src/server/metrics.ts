/** What Prometheus reads: the process, every answer by route, and what the domains count. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

import type { App } from "#app.ts";
import type { Check, Domain } from "#domain.ts";

import { askDomains } from "./health.ts";

export type Metrics = {
  observe(answer: { method: string; route: string; status: number; ms: number }): void;
  /** In Prometheus' text form; the domains' checks are asked at most every half minute. */
  render(): Promise<string>;
};

const checksForMs = 30_000;
const states = ["ok", "loose", "failed", "unknown"] as const satisfies readonly Check["state"][];

export function createMetrics(app: App, domains: readonly Domain[]): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "leveredge_" });
  const requests = new Histogram({
    name: "leveredge_http_request_duration_seconds",
    help: "Time to answer, by route",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const checks = new Gauge({
    name: "leveredge_checks",
    help: "Answers of the health check, by domain and state",
    labelNames: ["domain", "state"],
    registers: [registry],
  });
  let askedAt = Number.NEGATIVE_INFINITY;
  return {
    observe: ({ method, route, status, ms }) => requests.observe({ method, route, status: String(status) }, ms / 1000),
    render: async () => {
      if (performance.now() - askedAt > checksForMs) {
        askedAt = performance.now();
        for (const { domain, checks: answers } of await askDomains(app, domains)) {
          for (const state of states) {
            checks.set({ domain, state }, answers.filter((answer) => answer.state === state).length);
          }
        }
      }
      return registry.metrics();
    },
  };
}
