import { styleText } from "node:util";

/** Colours by meaning. Where colour is off each gives its text back. */
export type Paint = {
  good(text: string): string;
  bad(text: string): string;
  loose(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
};

export function createPaint(options: { color: boolean }): Paint {
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  return {
    good: paint("green"),
    bad: paint("red"),
    loose: paint("yellow"),
    strong: paint("bold"),
    faint: paint("dim"),
  };
}
