/** The tests' PostgreSQL server behind a TCP port of this host, as a credential's connection URL names one. */
import { randomBytes } from "node:crypto";
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";

import pg from "pg";

import { testCluster } from "./database.ts";

export type TcpPostgres = {
  port: number;
  /** Runs statements as the superuser. */
  admin(statement: string): Promise<void>;
  /** A role of the test's own, dropped with it; `rest` is what follows `create role NAME`. */
  role(rest: string): Promise<string>;
};

/** Ends with the test. */
export async function startTcpPostgres(t: TestContext): Promise<TcpPostgres> {
  const { server, url } = await testCluster({ major: 15 });
  const path = join(server.socketDirectory, ".s.PGSQL.5432");
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    const upstream = createConnection(path);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const roles: string[] = [];
  const admin = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url() });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    relay.close();
    for (const role of roles) await admin(`drop role if exists ${role}`);
  });
  // A listening TCP server has an address with a port.
  const { port } = relay.address() as AddressInfo;
  return {
    port,
    admin,
    role: async (rest) => {
      const name = `tcp_${randomBytes(6).toString("hex")}`;
      roles.push(name);
      await admin(`create role ${name} ${rest}`);
      return name;
    },
  };
}
