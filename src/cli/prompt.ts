/**
 * Asking people on a terminal. What they type stands on stderr, or nowhere when it is
 * a secret: the terminal is told not to echo and is put back as it was however it ends.
 */
import { StringDecoder } from "node:string_decoder";

import { AppError } from "#errors.ts";

import { makePrintable } from "./printable.ts";

/** Whether somebody is there to be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** One line that is not shown. A pasted text of several lines is taken whole. Ctrl-C interrupts the program. */
export async function askHidden(question: string, { signal }: { signal: AbortSignal }): Promise<string> {
  const { stdin, stderr } = process;
  // First: what is pasted as soon as the question stands there must not be echoed.
  stdin.setRawMode(true);
  try {
    stderr.write(makePrintable(question));
    return await readHiddenLine(signal);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}

/** One line, as it is typed; empty when the input ends instead. */
export async function askLine(question: string, { signal }: { signal: AbortSignal }): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Its own Ctrl-C would only end the question.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return (await terminal.question(makePrintable(question), { signal })).trim();
  } catch (cause) {
    // Ctrl-D aborts the question and not the program.
    if (signal.aborted || !(cause instanceof Error) || cause.name !== "AbortError") throw cause;
    return "";
  } finally {
    terminal.close();
  }
}

/** Yes is a yes that was typed; nobody there is a no. */
export async function confirm(question: string, { signal }: { signal: AbortSignal }): Promise<boolean> {
  return canAsk() && /^y(es)?$/i.test(await askLine(`${question} [y/N] `, { signal }));
}

/** What is typed or pasted up to its end, key by key: a terminal in raw mode does nothing by itself. */
export type HiddenLine = { text: string; state: "open" | "done" | "interrupted" };

/** The line after one more piece of input. */
export function takeKeys(line: HiddenLine, piece: string): HiddenLine {
  // Arrow keys and the like.
  if (piece.startsWith("\u001b")) return line;
  let { text } = line;
  const keys = Array.from(piece);
  for (const [index, key] of keys.entries()) {
    const isLast = index === keys.length - 1;
    if (key === "\u0003") return { text: "", state: "interrupted" };
    if (key === "\u0004") return { text, state: "done" };
    if (key === "\u007f" || key === "\b") text = Array.from(text).slice(0, -1).join("");
    else if (key === "\u0015") text = "";
    else if (key !== "\r" && key !== "\n") text += key;
    else if (isLast) return { text, state: "done" };
    else text += "\n";
  }
  return { text, state: "open" };
}

function readHiddenLine(signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder("utf8");
    let line: HiddenLine = { text: "", state: "open" };
    const settle = (finish: () => void): void => {
      process.stdin.off("data", onData);
      process.stdin.off("end", onEnd);
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    const onAbort = (): void => settle(() => reject(new AppError("unavailable", "nothing was entered")));
    const onEnd = (): void => settle(() => resolve(line.text));
    const onData = (piece: Buffer): void => {
      line = takeKeys(line, decoder.write(piece));
      if (line.state === "done") settle(() => resolve(line.text));
      // In raw mode the terminal sends no signal: the program's own way to end is taken all the same.
      if (line.state === "interrupted") process.kill(process.pid, "SIGINT");
    };
    signal.addEventListener("abort", onAbort, { once: true });
    process.stdin.on("data", onData);
    process.stdin.on("end", onEnd);
    process.stdin.resume();
    if (signal.aborted) onAbort();
  });
}
