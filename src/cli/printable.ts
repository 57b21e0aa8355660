/**
 * What a terminal shows and does not obey. Names and messages come from other
 * people's databases and may hold control sequences; of all of them only those
 * pass that `paint.ts` made in this process, which it gives a mark that nobody
 * outside can know.
 */
import { randomInt } from "node:crypto";

/** Three parameters of a colour sequence, read by no terminal: they are taken out before it is printed. */
const mark = [0, 1, 2].map(() => String(randomInt(10_000)).padStart(4, "0")).join(";");

const painted = new RegExp(`\\u001b\\[(\\d{1,2});${mark}m`, "g");

/** Everything but line breaks, tabs and our own paint. */
const unprintable = new RegExp(
  `\\u001b(?!\\[\\d{1,2};${mark}m)|[\\u0000-\\u0008\\u000b-\\u001a\\u001c-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]`,
  "g",
);

/** The sequence that sets a colour, as `makePrintable` lets it pass. */
export function markColor(code: number): string {
  return `\u001b[${code};${mark}m`;
}

/** Control characters as they are written in a program; our own paint stays marked. For text whose width is counted. */
export function escapeControls(text: string): string {
  return text.replaceAll(unprintable, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** The text as it may be written to a terminal; the last step before that, because our own paint loses its mark. */
export function makePrintable(text: string): string {
  return escapeControls(text).replaceAll(painted, "\u001b[$1m");
}
