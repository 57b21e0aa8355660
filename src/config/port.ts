import { AppError } from "#errors.ts";

const highest = 65_535;

/** The value of `--port`: decimal digits and nothing else. 0, where it is allowed, takes a free one. */
export function readPort(text: string | boolean | undefined, { least }: { least: 0 | 1 }): number | undefined {
  if (text === undefined) return undefined;
  const port = typeof text === "string" && /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= least && port <= highest) return port;
  throw new AppError("invalid_input", `--port is ${JSON.stringify(text)}, expected a port: ${least} to ${highest}`, {
    hint: "Use for example --port 8021.",
  });
}
