/**
 * `leveredge store`: the embedded PostgreSQL servers of a state directory, the
 * store's and the sample platform's. They need no configuration.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "#cli/command.ts";
import { readVariable } from "#config/environment.ts";
import { resolveStateDirectory } from "#config/state-directory.ts";
import { outcomeExit } from "#errors.ts";
import type { ForgottenServer } from "#store/forgotten-servers.ts";
import type { ServerStatus } from "#store/server.ts";

/** `home`: where its data and, for root, its binaries lie. */
type NamedStatus = ServerStatus & { name: string; home: string };

export const storeCommands: Command[] = [
  {
    name: "store status",
    summary: "show the embedded PostgreSQL servers of the state directory",
    examples: ["leveredge store status", "leveredge store status --state /var/lib/leveredge --json"],
    async run({ global, output }) {
      const { listServerNames, serverStatus } = await import("#store/server.ts");
      const { findPlace } = await import("#store/server-place.ts");
      const { listForgottenServers } = await import("#store/forgotten-servers.ts");
      const directory = resolveStateDirectory(global.state);
      const servers: NamedStatus[] = [];
      for (const name of await listServerNames(directory)) {
        const home = (await findPlace({ directory, name }))?.home ?? join(directory, name);
        servers.push({ name, home, ...(await serverStatus({ directory, name })) });
      }
      const places = existsSync(directory) ? listPlaces(directory, servers) : [];
      const external = readVariable("DATABASE_URL") !== undefined;
      const forgotten = await listForgottenServers();
      const text = [
        ...describe(directory, servers, external),
        ...forgotten.map(describeForgotten),
        ...describePlaces(directory, places),
      ].join("\n");
      output.data({ stateDirectory: directory, external, servers, places, forgotten }, text);
      return outcomeExit.ok;
    },
  },
  {
    name: "store stop",
    summary: "stop the embedded PostgreSQL servers, whoever started them and whoever uses them",
    examples: ["leveredge store stop", "leveredge store stop --state /var/lib/leveredge"],
    async run({ global, output, signal }) {
      const { listServerNames, stopServer } = await import("#store/server.ts");
      const directory = resolveStateDirectory(global.state);
      const stopped: string[] = [];
      for (const name of await listServerNames(directory)) {
        if (await stopServer({ directory, name, signal })) stopped.push(name);
      }
      const text = stopped.length === 0 ? "no server runs" : `stopped: ${stopped.join(", ")}`;
      output.data({ stateDirectory: directory, stopped }, text);
      return outcomeExit.ok;
    },
  },
];

function describe(directory: string, servers: NamedStatus[], external: boolean): string[] {
  const lines = servers.map((server) => `${server.name}: ${describeState(server)}`);
  if (lines.length === 0) lines.push(`no server was started in ${directory} yet`);
  if (external) lines.push("the store is the database of DATABASE_URL, not an embedded server");
  return lines;
}

function describeState(server: NamedStatus): string {
  const { state, home } = server;
  if (state === "running") {
    const { startedAt, pid, dataDirectory, socketDirectory } = server;
    return `running since ${startedAt}, process ${pid}, data in ${dataDirectory}, socket in ${socketDirectory}`;
  }
  const data = join(home, "data");
  if (state !== "killed") return `${state}, data in ${data}`;
  return `killed, data in ${data}; the next command that needs it starts it again; its last words: tail -n 20 ${server.logPath}`;
}

function describeForgotten({ home, own, pid }: ForgottenServer): string {
  const remove = `rm -r ${home}`;
  return pid === undefined
    ? `forgotten: data of ${own}, which is gone; remove them with: ${remove}`
    : `forgotten: process ${pid} with data of ${own}, which is gone; end it with: kill -INT ${pid}; then: ${remove}`;
}

/** Everything that this state directory has on the host: as root the data lie outside of it, the socket while a server runs. */
function listPlaces(directory: string, servers: readonly NamedStatus[]): string[] {
  const outside = servers.flatMap((server) => [
    server.home,
    ...(server.state === "running" ? [server.socketDirectory] : []),
  ]);
  const isInside = (path: string): boolean => path.startsWith(`${directory}/`);
  return [directory, ...outside.filter((path) => !isInside(path))];
}

function describePlaces(directory: string, places: readonly string[]): string[] {
  if (places.length === 0) return [];
  const state = quote(directory);
  return [
    `all of it lies in ${places.join(", ")}`,
    `to remove it, the unseal key and what is sealed with it included: leveredge store stop --state ${state} && rm -rf ${places.map(quote).join(" ")}`,
  ];
}

/** As one word of a shell. */
function quote(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
