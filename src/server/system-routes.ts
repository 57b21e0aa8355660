/** The routes that belong to no domain: is it alive, is it ready, what it counts, and the first pages. */
import { z } from "zod";

import type { ServerApp } from "#domain.ts";
import { listRuns } from "#domains/hardening/list-queries.ts";
import { type RunSummary, summarizeRun } from "#domains/hardening/run-view.ts";
import { type Route, route } from "#http/route.ts";

import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import { renderSignInPage, renderStartPage, signInScript, stylesheet } from "./pages.ts";
import { pingStore } from "./queries.ts";

export type SystemParts = { metrics: Metrics; health: Health; isWorking(): boolean };

const CheckReply = z.object({
  subject: z.string(),
  state: z.enum(["ok", "loose", "failed", "unknown"]),
  detail: z.string(),
  remedy: z.string().optional(),
});

export function systemRoutes(app: ServerApp, parts: SystemParts): readonly Route[] {
  return [...probeRoutes(app, parts), ...pageRoutes(app, parts)];
}

function probeRoutes(app: ServerApp, { metrics, health, isWorking }: SystemParts): Route[] {
  return [
    route({
      method: "GET",
      path: "/healthz",
      summary: "the process answers",
      permission: "public",
      response: { 200: z.object({ service: z.literal("leveredge"), status: z.literal("alive") }) },
      handle: async () => ({ body: { service: "leveredge", status: "alive" } }),
    }),
    route({
      method: "GET",
      path: "/readyz",
      summary: "the store answers and the worker works",
      permission: "public",
      response: {
        200: z.object({ status: z.literal("ready") }),
        503: z.object({ status: z.literal("not ready"), reasons: z.array(z.string()) }),
      },
      handle: async () => {
        const reasons = [
          ...((await pingStore(app.db)) ? [] : ["the store does not answer"]),
          ...(isWorking() ? [] : ["the worker does not work"]),
        ];
        return reasons.length === 0
          ? { status: 200, body: { status: "ready" } }
          : { status: 503, body: { status: "not ready", reasons } };
      },
    }),
    route({
      method: "GET",
      path: "/metrics",
      summary: "what Prometheus reads",
      description: "Text, with a bearer token of a viewer.",
      permission: "status:read",
      raw: "text",
      response: { 200: z.string() },
      handle: async () => ({
        body: await metrics.render(),
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      }),
    }),
    route({
      method: "GET",
      path: "/openapi.json",
      summary: "this API as an OpenAPI 3.1 document",
      permission: "public",
      raw: "page",
      response: { 307: z.string() },
      handle: async () => ({ body: "", headers: { location: "/docs/json" } }),
    }),
    route({
      method: "GET",
      path: "/status",
      summary: "the platform's health, every domain's checks",
      description: "Asked anew when the last answer is older than ten seconds.",
      permission: "status:read",
      response: { 200: z.object({ platform: z.string(), askedAt: z.iso.datetime(), checks: z.array(CheckReply) }) },
      handle: async () => {
        const { askedAt, checks } = await health.ask();
        return { body: { platform: app.config.platform.name, askedAt, checks } };
      },
    }),
  ];
}

async function findLastRun(app: ServerApp): Promise<RunSummary | undefined> {
  const [run] = await listRuns(app.db, app.config.platform.name, { before: undefined, limit: 1 });
  return run === undefined ? undefined : summarizeRun(run);
}

function pageRoutes(app: ServerApp, { health }: SystemParts): Route[] {
  const html = { "content-type": "text/html; charset=utf-8" };
  const page = { method: "GET", raw: "page", response: { 200: z.string() } } as const;
  return [
    route({
      ...page,
      path: "/",
      summary: "the start page",
      permission: "status:read",
      handle: async ({ actor }) => ({
        body: renderStartPage(app, { ...(await health.ask()), lastRun: await findLastRun(app), actor }),
        headers: html,
      }),
    }),
    route({
      ...page,
      path: "/sign-in",
      summary: "where a one-time link leads",
      permission: "public",
      handle: async () => ({ body: renderSignInPage(app.config.platform.name), headers: html }),
    }),
    route({
      ...page,
      path: "/assets/sign-in.js",
      summary: "the script of the sign-in page",
      permission: "public",
      handle: async () => ({ body: signInScript, headers: { "content-type": "text/javascript; charset=utf-8" } }),
    }),
    route({
      ...page,
      path: "/assets/style.css",
      summary: "the pages' stylesheet",
      permission: "public",
      handle: async () => ({ body: stylesheet, headers: { "content-type": "text/css; charset=utf-8" } }),
    }),
  ];
}
