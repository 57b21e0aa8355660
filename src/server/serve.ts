/**
 * `leveredge serve`: the HTTP server, the worker, the relay of events and the
 * HERMES listener, in one process built from the list of domains.
 *
 * It ends when the app's signal comes: it takes no new requests, finishes those
 * it has, gives running jobs back to the queue, tells once more what happened,
 * and leaves. Killed instead, it loses nothing: jobs and messages are rows.
 */
import { setTimeout as delay } from "node:timers/promises";

import type { App } from "#app.ts";
import type { Domain, ServerApp } from "#domain.ts";
import { authenticate, sessionCookie } from "#domains/identity/identity.ts";
import type { Listener } from "#domains/notifications/listener.ts";
import { AppError, readErrorCode } from "#errors.ts";
import { type Relay, relayEvents } from "#events/feed.ts";
import { createLog, type Log } from "#http/log.ts";
import type { Route } from "#http/route.ts";
import { createHttpServer } from "#http/server.ts";
import { startWorker } from "#jobs/worker.ts";
import type { Secret } from "#secrets/secret.ts";

import { createMetrics } from "./metrics.ts";
import { systemRoutes } from "./system-routes.ts";

export type ServeOptions = {
  /** 0 takes a free one. */
  port: number;
  ownerUrl: Secret;
  /** Where the log goes, a JSON document a line. */
  logTo: { write(line: string): unknown };
  /** Called once, when requests are answered. */
  onReady?(ready: { url: string; hermes: "listening" | "forwarding" | "off" }): void | Promise<void>;
};

const host = "127.0.0.1";
const relayEveryMs = 1_000;
const deliverWithinMs = 30_000;
const lastRelayMs = 5_000;

/** Serves until the app's signal comes. `unavailable` when the port is taken. */
export async function serve(app: App, domains: readonly Domain[], options: ServeOptions): Promise<void> {
  const log = createLog(options.logTo, app.now);
  const worker = await startWorker(app, domains, {
    ownerUrl: options.ownerUrl,
    onError: (error) => log.fault("worker", error),
  });
  const closing: (() => Promise<unknown>)[] = [() => worker.stop()];
  try {
    const metrics = createMetrics(app, domains);
    const server = await createHttpServer({
      routes: await listRoutes({ ...app, jobs: worker.jobs }, domains, metrics),
      authenticate: (credentials) => authenticate(app, credentials),
      sessionCookie,
      version: app.programVersion,
      publicUrl: app.config.serve.public_url,
      log,
      observe: metrics.observe,
    });
    closing.unshift(() => server.close());
    const url = await listen(server, options.port);
    const hermes = await startHermes(app);
    if (hermes !== undefined) closing.unshift(() => hermes.stop());
    await options.onReady?.({ url, hermes: hermes?.state ?? "off" });
    await keepRelaying(app, domains, log);
  } finally {
    for (const close of closing) await close();
    await relayEvents({ ...app, signal: new AbortController().signal }, domains, {
      deliverWithinMs: lastRelayMs,
      signal: AbortSignal.timeout(lastRelayMs),
    });
  }
}

/** Everything that is served, as data. */
export async function listRoutes(
  app: ServerApp,
  domains: readonly Domain[],
  metrics = createMetrics(app, domains),
): Promise<readonly Route[]> {
  const lists = await Promise.all(domains.map(async ({ routes }) => (await routes?.(app)) ?? []));
  const isWorking = (): boolean => !app.signal.aborted;
  return [...systemRoutes(app, domains, { metrics, isWorking }), ...lists.flat()];
}

async function listen(server: Awaited<ReturnType<typeof createHttpServer>>, port: number): Promise<string> {
  try {
    return await server.listen({ port, host });
  } catch (cause) {
    if (readErrorCode(cause) !== "EADDRINUSE") throw cause;
    throw new AppError("unavailable", `port ${port} is taken${await nameOccupant(port)}`, {
      hint: `See who has it: ss -ltnp 'sport = :${port}'; or serve on another: leveredge serve --port N`,
      cause,
    });
  }
}

async function nameOccupant(port: number): Promise<string> {
  try {
    const answer = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(2_000) });
    return (await answer.text()).includes('"leveredge"') ? " by a LeverEdge server" : "";
  } catch {
    // Whoever it is, it does not say.
    return "";
  }
}

async function startHermes(app: App): Promise<Listener | undefined> {
  if (app.config.notifications?.listen !== true) return undefined;
  const { startListener } = await import("#domains/notifications/listener.ts");
  return startListener(app);
}

/** Feeds and deliveries go round by themselves: a slow channel holds up no event. */
async function keepRelaying(app: App, domains: readonly Domain[], log: Log): Promise<void> {
  const feeds = domains.map(({ name, feeds: own = [] }): Relay => ({ name, feeds: own }));
  const senders = domains.map(({ name, deliver }): Relay => ({ name, ...(deliver === undefined ? {} : { deliver }) }));
  await Promise.all([goRound(app, feeds, log), goRound(app, senders, log)]);
}

async function goRound(app: App, relays: readonly Relay[], log: Log): Promise<void> {
  while (!app.signal.aborted) {
    try {
      const failures = await relayEvents(app, relays, { deliverWithinMs, signal: app.signal });
      for (const { relay, why } of failures) log.fault(relay, new Error(why));
    } catch (error) {
      // The store is away: the next round asks again.
      log.fault("relay", error);
    }
    await delay(relayEveryMs, undefined, { signal: app.signal }).catch(() => undefined);
  }
}
