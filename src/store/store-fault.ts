import { AppError, readErrorCode } from "#errors.ts";

/** SQLSTATE classes of a server that goes, comes or has no room: connection, operator intervention, resources. */
const awayClasses = ["08", "53", "57P"];
const awayCodes = new Set(["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);
/** The driver's own failures have words alone. */
const awayWords =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection)/;

/** `unavailable` when a query failed because the store's server is away; undefined for any other failure. */
export function nameStoreFault(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || error instanceof AppError) return undefined;
  const code = readErrorCode(error) ?? "";
  const isDriver = awayCodes.has(code) && "syscall" in error && error.syscall === "connect";
  const isServer = "severity" in error && awayClasses.some((known) => code.startsWith(known));
  if (!isDriver && !isServer && !awayWords.test(error.message)) return undefined;
  return new AppError("unavailable", "the store is not available", {
    hint: "Try again in a few seconds: one that was killed is started again. If it stays away: leveredge store status",
    cause: error,
  });
}
