/** What `leveredge serve` answers about messages. */
import { z } from "zod";

import type { ServerApp } from "#domain.ts";
import { type Route, route } from "#http/route.ts";

import { describeChannels, notify, resend, showNotification } from "./notifications.ts";
import { listDeliveries, listNotifications } from "./queries.ts";
import { ChannelStatus, Delivery, DeliveryState, Notification, NotifyAnswer, NotifyRequest } from "./schema.ts";

const WithDeliveries = Notification.extend({ deliveries: z.array(Delivery) });
const ById = z.object({ id: z.uuid() });

export function notificationRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/notify",
      summary: "send a message to a channel",
      description: "Answers when the message is in the outbox: it is delivered at least once, or shown as dead.",
      permission: "notifications:send",
      body: NotifyRequest,
      response: { 202: NotifyAnswer },
      handle: async ({ body, actor }) => ({ body: await notify(app, body, actor?.name ?? "unknown") }),
    }),
    route({
      method: "GET",
      path: "/notifications",
      summary: "list messages, the newest first",
      permission: "notifications:read",
      query: z.object({
        state: DeliveryState.optional(),
        before: z.uuid().optional().describe("Only messages older than the one with this id: the next page"),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      response: { 200: z.object({ notifications: z.array(WithDeliveries) }) },
      handle: async ({ query }) => {
        const found = await listNotifications(app.db, { state: query.state, before: query.before, limit: query.limit });
        const deliveries = await listDeliveries(
          app.db,
          found.map(({ id }) => id),
        );
        const notifications = found.map((notification) => ({
          ...notification,
          deliveries: deliveries.filter(({ notificationId }) => notificationId === notification.id),
        }));
        return { body: { notifications } };
      },
    }),
    route({
      method: "GET",
      path: "/notifications/:id",
      summary: "show a message and its deliveries",
      permission: "notifications:read",
      params: ById,
      response: { 200: WithDeliveries },
      handle: async ({ params }) => ({ body: await showNotification(app, params.id) }),
    }),
    route({
      method: "POST",
      path: "/notifications/:id/resend",
      summary: "send a message's dead deliveries again",
      permission: "notifications:resend",
      params: ById,
      response: { 200: z.object({ deliveries: z.array(Delivery) }) },
      handle: async ({ params, actor }) => ({
        body: { deliveries: await resend(app, params.id, actor?.name ?? "unknown") },
      }),
    }),
    route({
      method: "GET",
      path: "/channels",
      summary: "show how each channel stands",
      permission: "notifications:read",
      response: { 200: z.object({ channels: z.array(ChannelStatus) }) },
      handle: async () => ({ body: { channels: await describeChannels(app) } }),
    }),
  ];
}
