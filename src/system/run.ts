/**
 * Runs a program of this host: argument array, no shell, a timeout, an
 * allow-listed environment.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

import { AppError } from "#errors.ts";

export type RunOptions = {
  timeoutMs: number;
  /** Added to the minimal environment (PATH, LC_ALL, HOME, TZ). Secrets such as PGPASSWORD go here, never in `args`. */
  env?: Record<string, string>;
  cwd?: string;
  input?: string | Buffer | Readable;
  /** Descriptor of an open file, or a stream, that gets the program's output; `stdout` is empty then. A stream that breaks off ends the program. */
  outputTo?: number | Writable;
  /** Run as this user; only root can. */
  user?: { uid: number; gid: number };
  signal?: AbortSignal;
  /** Exit codes that are answers, not failures. Default `[0]`. */
  accept?: number[];
  /** Most bytes kept of each stream; the rest is dropped and the program goes on. Default 64 MiB. */
  maxOutputBytes?: number;
};

export type RunResult = { exitCode: number; stdout: string; stderr: string };

/** Rejects with `upstream_failed` (naming program, exit code and the end of stderr) or `upstream_timeout`; `not_found` when there is no such program. */
export type Run = (program: string, args: readonly string[], options: RunOptions) => Promise<RunResult>;

const defaultMaxOutputBytes = 64 * 1024 * 1024;

/** The whole environment a child gets besides what its caller adds. */
export function minimalEnvironment(): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C.UTF-8",
    HOME: "/",
    TZ: "UTC",
  };
}

export const runProgram: Run = (program, args, options) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? "/",
      env: { ...minimalEnvironment(), ...options.env },
      stdio: [
        options.input === undefined ? "ignore" : "pipe",
        typeof options.outputTo === "number" ? options.outputTo : "pipe",
        "pipe",
      ],
      ...(options.user === undefined ? {} : { uid: options.user.uid, gid: options.user.gid }),
    });
    const maxBytes = options.maxOutputBytes ?? defaultMaxOutputBytes;
    const stdout =
      typeof options.outputTo === "object" ? feed(child, options.outputTo) : collect(child.stdout, maxBytes);
    const stderr = collect(child.stderr, maxBytes);

    let ended: "timeout" | "aborted" | undefined;
    const kill = (why: "timeout" | "aborted"): void => {
      ended ??= why;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => kill("timeout"), options.timeoutMs);
    const onAbort = (): void => kill("aborted");
    options.signal?.addEventListener("abort", onAbort, { once: true });
    if (options.signal?.aborted) onAbort();

    if (child.stdin !== null && options.input !== undefined) {
      // A child that stops reading early says why through its exit code.
      child.stdin.on("error", () => undefined);
      if (typeof options.input === "string" || Buffer.isBuffer(options.input)) child.stdin.end(options.input);
      else options.input.pipe(child.stdin);
    }

    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
      finish();
    };
    child.on("error", (cause: NodeJS.ErrnoException) => {
      settle(() => {
        const missing = cause.code === "ENOENT";
        reject(
          new AppError(missing ? "not_found" : "upstream_failed", `cannot run ${program}: ${cause.message}`, {
            cause,
            ...(missing ? { hint: `Install ${program} or name its path.` } : {}),
          }),
        );
      });
    });
    child.on("close", (code, signalName) => {
      settle(() => {
        const result = { exitCode: code ?? -1, stdout: stdout(), stderr: stderr() };
        if (ended === "aborted") reject(new AppError("unavailable", `${program} was stopped`));
        else if (ended === "timeout")
          reject(new AppError("upstream_timeout", `${program} did not end within ${options.timeoutMs} ms`));
        else if (code !== null && (options.accept ?? [0]).includes(code)) resolve(result);
        else reject(new AppError("upstream_failed", describeFailure(program, code, signalName, result.stderr)));
      });
    });
  });

/** Nothing is kept here. */
function feed(child: ChildProcess, output: Writable): () => string {
  child.stdout?.pipe(output);
  output.on("error", () => child.kill("SIGKILL"));
  // What is still unread is let go: a program that has ended already would else be waited for without end.
  output.on("close", () => child.stdout?.resume());
  return () => "";
}

function collect(stream: Readable | null, maxBytes: number): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on("data", (chunk: Buffer) => {
    if (size < maxBytes) chunks.push(chunk.subarray(0, maxBytes - size));
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function describeFailure(program: string, code: number | null, signalName: string | null, stderr: string): string {
  const ending = code === null ? `was ended by ${signalName}` : `ended with exit code ${code}`;
  const lines = stderr.trim().split("\n").slice(-6).join("\n").slice(-2000);
  return lines === "" ? `${program} ${ending}` : `${program} ${ending}: ${lines}`;
}
