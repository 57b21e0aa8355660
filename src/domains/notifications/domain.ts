/** The notifications domain: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";
import type { Feed } from "#events/feed.ts";

import { notificationCommands } from "./commands.ts";

/** Loaded when there is something to take: a start of the program must not pay for it. */
const feed: Feed = {
  name: "notifications",
  take: async (tx, app, events) => {
    const { takeEvents } = await import("./notifications.ts");
    return takeEvents(tx, app, events);
  },
};

export const notifications: Domain = {
  name: "notifications",
  commands: notificationCommands,
  feeds: [feed],
  deliver: async (app, { signal }) => {
    const { deliverDue } = await import("./delivery.ts");
    return deliverDue(app, { signal });
  },
  jobs: async () => (await import("./jobs.ts")).notificationJobs,
  schedules: () => [{ name: "notifications:forget", cron: "17 4 * * *", job: "notifications.forget", data: {} }],
  checks: async (app) => {
    const { checkChannels } = await import("./checks.ts");
    return checkChannels(app);
  },
  routes: async (app) => {
    const { notificationRoutes } = await import("./routes.ts");
    return notificationRoutes(app);
  },
};
