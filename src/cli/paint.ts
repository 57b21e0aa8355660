import { inspect } from "node:util";

import { markColor } from "./printable.ts";

/** Colours by meaning. Where colour is off each gives its text back. What is painted is printed by way of `makePrintable`. */
export type Paint = {
  good(text: string): string;
  bad(text: string): string;
  loose(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
};

export function createPaint(options: { color: boolean }): Paint {
  const paint = (style: "green" | "red" | "yellow" | "bold" | "dim") => {
    const [on = 0, off = 0] = inspect.colors[style] ?? [];
    return (text: string) => (options.color ? `${markColor(on)}${text}${markColor(off)}` : text);
  };
  return {
    good: paint("green"),
    bad: paint("red"),
    loose: paint("yellow"),
    strong: paint("bold"),
    faint: paint("dim"),
  };
}
