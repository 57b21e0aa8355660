/** What leads to no route: an unknown path or method, and bytes that are no request. */
import type { Socket } from "node:net";

import { AppError } from "#errors.ts";

import { describeError } from "./errors.ts";
import type { Route } from "./route.ts";

const clientErrors: Record<string, { status: number; reason: string; message: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, reason: "Request Header Fields Too Large", message: "the headers are too large" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, reason: "Request Timeout", message: "the request came too slowly" },
};
const malformed = { status: 400, reason: "Bad Request", message: "the request cannot be read" };

/** 405 for a path that there is, with the methods it takes; else 404. */
export function describeMissing(
  routes: readonly Route[],
  { method, url }: { method: string; url: string },
): { status: number; error: AppError; allow: string | undefined } {
  const [path = ""] = url.split("?");
  const methods = routes.filter((route) => isAt(route, path)).map((route) => route.method);
  if (methods.length === 0) {
    const error = new AppError("not_found", "there is nothing under this path", { hint: "See /docs" });
    return { status: error.status, error, allow: undefined };
  }
  const allow = [...new Set(methods.flatMap((known) => (known === "GET" ? ["GET", "HEAD"] : [known])))].join(", ");
  const error = new AppError("invalid_input", `${method} is not answered under this path`, {
    hint: `Use ${allow}; see /docs`,
  });
  return { status: 405, error, allow };
}

function isAt(route: Route, path: string): boolean {
  const [wanted, given] = [route.path.split("/"), path.split("/")];
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith(":") || part === given[index]);
}

/** Writes the answer to bytes that Node could not read, and ends the connection. Undefined when nobody is there to read it. */
export function answerClientError(
  error: Error & { code?: string },
  socket: Socket,
  { headers, requestId }: { headers: Record<string, string>; requestId: string },
): number | undefined {
  if (socket.destroyed || !socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return undefined;
  }
  const { status, reason, message } = clientErrors[error.code ?? ""] ?? malformed;
  const body = JSON.stringify(describeError(new AppError("invalid_input", message), requestId).reply);
  const head = {
    ...headers,
    "x-request-id": requestId,
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
  socket.destroySoon();
  return status;
}
