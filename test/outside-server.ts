/** A service outside, on a real socket of this host: it records what it is asked and answers as a test says. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export type AskedRequest = { method: string; url: string; headers: IncomingHttpHeaders; body: string };

export type OutsideServer = {
  url: string;
  port: number;
  asked: AskedRequest[];
  /** Answers every request that `answer` left open. */
  answer(given: Answer): void;
};

export type Answer = { status: number; headers?: Record<string, string>; body?: string };

/** Ends with the test. An answer is data, or the response to write by hand. */
export async function startOutsideServer(
  t: TestContext,
  answer: (request: AskedRequest, response: ServerResponse) => Answer | undefined,
): Promise<OutsideServer> {
  const asked: AskedRequest[] = [];
  const open: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const seen = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      asked.push(seen);
      const given = answer(seen, response);
      if (given === undefined) open.push(response);
      else send(response, given);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  const answerOpen = (given: Answer): void => {
    for (const response of open.splice(0)) send(response, given);
  };
  return { url: `http://127.0.0.1:${port}`, port, asked, answer: answerOpen };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers);
  response.end(body);
}
