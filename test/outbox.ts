/** An outbox whose channels lead to one local service, with a clock that a test moves. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { TestContext } from "node:test";

import type { App } from "#app.ts";
import { deliverDue } from "#domains/notifications/delivery.ts";
import { notifications } from "#domains/notifications/domain.ts";
import { showNotification } from "#domains/notifications/notifications.ts";
import { NotifyRequest } from "#domains/notifications/schema.ts";
import { appendEvent } from "#events/events.ts";
import { relayEvents } from "#events/feed.ts";
import type { NewEvent } from "#events/schema.ts";
import { Secret } from "#secrets/secret.ts";
import { transaction } from "#store/database.ts";

import { testApp } from "./app.ts";
import { type Answer, type AskedRequest, type OutsideServer, startOutsideServer } from "./outside-server.ts";

export const minute = 60_000;

const { signal } = new AbortController();

export type Outbox = { app: App; server: OutsideServer; clock: { now: Date } };

/** Telegram, Slack and webhook lead to the one server; `webhook` is configured unless the settings say otherwise. */
export async function openOutbox(
  t: TestContext,
  answer: (index: number, request: AskedRequest, response: ServerResponse) => Answer | undefined,
  settings: Record<string, unknown> = {},
): Promise<Outbox> {
  const server: OutsideServer = await startOutsideServer(t, (request, response) =>
    answer(server.asked.length - 1, request, response),
  );
  const outside = { url: server.url, allow_private: true };
  const clock = { now: new Date("2026-11-22T12:00:00.000Z") };
  const app = await testApp(t, {
    notifications: { channels: { webhook: { url: "https://hook.example/x", secret: "env:WEBHOOK" } }, ...settings },
    outside: { telegram: outside, slack: outside, webhook: outside },
  });
  const openReference: App["openReference"] = (reference) =>
    reference.startsWith("env:")
      ? Promise.resolve(new Secret(reference === "env:SLACK" ? "https://hooks.slack.com/services/T/B/s" : "a-secret"))
      : app.openReference(reference);
  return { app: { ...app, now: () => clock.now, openReference }, server, clock };
}

export function askFor(message: string, channel = "webhook"): NotifyRequest {
  return NotifyRequest.parse({ channel, message });
}

export function deliver({ app }: Outbox): Promise<void> {
  return deliverDue(app, { signal });
}

export function advance({ clock }: Outbox, ms: number): void {
  clock.now = new Date(clock.now.getTime() + ms);
}

export async function stateOf(
  { app }: Outbox,
  id: string,
): Promise<{ state: string; error: string | null; tries: number }[]> {
  const { deliveries } = await showNotification(app, id);
  return deliveries.map(({ state, lastError, tries }) => ({ state, error: lastError, tries }));
}

export function idsAsked({ server }: Outbox): unknown[] {
  return server.asked.map(({ headers }) => headers["webhook-id"]);
}

export function eventOf(more: Partial<NewEvent> = {}): NewEvent {
  return {
    actor: "test",
    action: "backups.drill",
    target: "set chronos",
    outcome: "damaged",
    details: {},
    notice: { severity: "high", title: "backup set chronos is damaged", text: "look" },
    ...more,
  };
}

/** Appends the events and lets the feed make messages of all that is new; nothing is sent. */
export async function tell({ app }: Outbox, ...events: NewEvent[]): Promise<void> {
  for (const event of events) await transaction(app.db, (tx) => appendEvent(tx, app.keys, event));
  const failures = await relayEvents(app, [{ ...notifications, deliver: async () => undefined }], {
    deliverWithinMs: 1_000,
    signal,
  });
  assert.deepEqual(failures, []);
}
