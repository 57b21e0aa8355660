/**
 * `leveredge serve`: the HTTP server, the worker, the relay of events and the
 * HERMES listener, in one process built from the list of domains.
 *
 * It ends when the app's signal comes: it takes no new requests, finishes those
 * it has, gives running jobs back to the queue, tells once more what happened,
 * and leaves. Killed instead, it loses nothing: jobs and messages are rows.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import type { App } from "#app.ts";
import type { Domain, ServerApp } from "#domain.ts";
import { authenticate, createProofLookup, sessionCookie } from "#domains/identity/identity.ts";
import type { Listener } from "#domains/notifications/listener.ts";
import { AppError, readErrorCode } from "#errors.ts";
import { type Relay, relayEvents } from "#events/feed.ts";
import { createLog, type Log } from "#http/log.ts";
import type { Route } from "#http/route.ts";
import { createHttpServer } from "#http/server.ts";
import type { Jobs } from "#jobs/job.ts";
import { startWorker, type Worker } from "#jobs/worker.ts";
import type { Secret } from "#secrets/secret.ts";
import { nameStoreFault } from "#store/store-fault.ts";
import { forgetListener, recordListener } from "#system/server-record.ts";

import { createHealth } from "./health.ts";
import { createMetrics } from "./metrics.ts";
import { type SystemParts, systemRoutes } from "./system-routes.ts";

export type ServeOptions = {
  /** 0 takes a free one. */
  port: number;
  ownerUrl: Secret;
  /** Asked every second: comes back to a store that was killed, and says whether that started it. */
  revive?(): Promise<boolean>;
  /** Where the log goes, a JSON document a line. */
  logTo: { write(line: string): unknown };
  /** Called once, when requests are answered. */
  onReady?(ready: { url: string; hermes: HermesState }): void | Promise<void>;
};

export type HermesState = Listener["state"] | "off";

const host = "127.0.0.1";
const reviveEveryMs = 1_000;
/** Of one that does not start: a full disk, say. */
const reviveAgainMs = 15_000;
const relayEveryMs = 1_000;
const deliverWithinMs = 30_000;
const lastRelayMs = 5_000;
const lookAgainMs = 60_000;
const askWithinMs = 2_000;

/**
 * Serves until the app's signal comes. `unavailable` when the port is taken: found
 * before any work is begun, because the port tells that another server is at it.
 */
export async function serve(app: App, domains: readonly Domain[], options: ServeOptions): Promise<void> {
  const log = createLog(options.logTo, app.now);
  const health = createHealth(app, domains);
  const metrics = createMetrics(app, health);
  let worker: Worker | undefined;
  const jobs: Jobs = {
    enqueue: async (...asked) => {
      if (worker !== undefined) return worker.jobs.enqueue(...asked);
      throw new AppError("unavailable", "the server is still starting", { hint: "Try again in a moment." });
    },
  };
  const findProof = createProofLookup(app);
  const isWorking = (): boolean => worker?.isWorking() === true;
  const server = await createHttpServer({
    routes: await listRoutes({ ...app, jobs, measure: metrics.add }, domains, { metrics, health, isWorking }),
    authenticate: (credentials) => authenticate(app, credentials, findProof),
    sessionCookie,
    version: app.programVersion,
    publicUrl: app.config.serve.public_url,
    log,
    observe: metrics.observe,
    explain: nameStoreFault,
  });
  const url = await listen(app, server, options.port);
  const hermes = keepHermes(app, log);
  const ending = new AbortController();
  const signal = AbortSignal.any([app.signal, ending.signal]);
  let rounds: Promise<unknown> | undefined;
  try {
    await recordListener(app.stateDir, Number(new URL(url).port)).catch((error: unknown) => log.fault("record", error));
    worker = await startWorker(app, domains, {
      ownerUrl: options.ownerUrl,
      onError: (error) => log.fault("worker", error),
    });
    rounds = Promise.all([keepRelaying({ ...app, signal }, domains, log), keepStore(options, signal, log)]);
    await options.onReady?.({ url, hermes: await hermes.begin() });
    if (!app.signal.aborted) await once(app.signal, "abort");
  } finally {
    ending.abort();
    await closeAll(log, [
      () => hermes.stop(),
      () => forgetListener(app.stateDir),
      () => server.close(),
      async () => worker?.stop(),
      async () => rounds,
    ]);
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
  parts: SystemParts,
): Promise<readonly Route[]> {
  const lists = await Promise.all(domains.map(async ({ routes }) => (await routes?.(app)) ?? []));
  return [...systemRoutes(app, parts), ...lists.flat()];
}

/** Each is closed, whatever became of the one before. */
async function closeAll(log: Log, closing: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closing) {
    try {
      await close();
    } catch (error) {
      log.fault("closing", error);
    }
  }
}

async function listen(app: App, server: Awaited<ReturnType<typeof createHttpServer>>, port: number): Promise<string> {
  try {
    return await server.listen({ port, host });
  } catch (cause) {
    await server.close();
    if (readErrorCode(cause) !== "EADDRINUSE") throw cause;
    throw new AppError("unavailable", `port ${port} is taken${await nameOccupant(app, port)}`, {
      hint: `See who has it: ss -ltnp 'sport = :${port}'; or serve on another: leveredge serve --port N`,
      cause,
    });
  }
}

/** ` by the LeverEdge server with pid 4711`, as far as that can be learned. */
async function nameOccupant(app: Pick<App, "run">, port: number): Promise<string> {
  const [healthz, sockets] = await Promise.allSettled([
    fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(askWithinMs) }).then((answer) =>
      answer.text(),
    ),
    app.run("ss", ["-Hltnp", `sport = :${port}`], { timeoutMs: askWithinMs }),
  ]);
  const isOurs = healthz.status === "fulfilled" && healthz.value.includes('"leveredge"');
  // Named to root and to its own user alone.
  const pid = sockets.status === "fulfilled" ? /pid=(\d+)/.exec(sockets.value.stdout)?.[1] : undefined;
  const who = isOurs ? "the LeverEdge server" : "the program";
  if (pid !== undefined) return ` by ${who} with pid ${pid}`;
  return isOurs ? " by a LeverEdge server" : "";
}

/** Another program on the port is no reason not to serve: it is looked at again, and taken over when it goes. */
function keepHermes(app: App, log: Log): { begin(): Promise<HermesState>; stop(): Promise<void> } {
  let listener: Listener | undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<HermesState> => {
    const { startListener } = await import("#domains/notifications/listener.ts");
    const before = listener?.state;
    if (before !== "listening") listener = await startListener(app, { onError: (error) => log.fault("hermes", error) });
    if (listener?.state === "taken" && before !== "taken") log.fault("hermes", new Error("port 8014 is taken"));
    return listener?.state ?? "off";
  };
  return {
    begin: async () => {
      if (app.config.notifications?.listen !== true) return "off";
      timer = setInterval(() => void look().catch((error: unknown) => log.fault("hermes", error)), lookAgainMs);
      return look();
    },
    stop: async () => {
      clearInterval(timer);
      await listener?.stop();
    },
  };
}

async function keepStore({ revive }: Pick<ServeOptions, "revive">, signal: AbortSignal, log: Log): Promise<void> {
  while (!signal.aborted) {
    let pauseMs = reviveEveryMs;
    try {
      if ((await revive?.()) === true) log.fault("store", new Error("its server was killed, and is started again"));
    } catch (error) {
      log.fault("store", error);
      pauseMs = reviveAgainMs;
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
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
