/**
 * A process that uses a server, for tests of what several processes do to each
 * other: starts or adopts it, prints one line of JSON, and leaves when its
 * standard input ends.
 */
import { once } from "node:events";
import { text } from "node:stream/consumers";

import { z } from "zod";

import { AppError } from "#errors.ts";
import { startServer } from "#store/server.ts";

const Address = z.object({
  directory: z.string(),
  name: z.string(),
  major: z.union([z.literal(15), z.literal(18)]),
  runtimeDirectory: z.string().optional(),
  dataHome: z.string().optional(),
});

try {
  const address = Address.parse(JSON.parse(process.argv[2] ?? ""));
  const server = await startServer(address);
  const { pid, startedHere, dataDirectory, socketDirectory } = server;
  const url = server.ownerUrl.reveal();
  process.stdout.write(`${JSON.stringify({ pid, startedHere, dataDirectory, socketDirectory, url })}\n`);
  await text(process.stdin);
  await server.stop();
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  const line = `${JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint } })}\n`;
  if (!process.stdout.write(line)) await once(process.stdout, "drain");
}
