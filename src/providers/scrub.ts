/** Takes the values of a credential out of text that is kept or shown, in the forms a service may give them back. */
import { redact } from "#secrets/redact.ts";

const shortest = 6;

/** The text without any of the values; `undefined` when one was in it, for facts that are dropped then. */
export type Scrub = { text(text: string): string; fact(text: string): string | undefined };

export function createScrub(values: readonly string[]): Scrub {
  const forms = [...new Set(values.filter(({ length }) => length >= shortest).flatMap(listForms))].toSorted(
    (a, b) => b.length - a.length,
  );
  const scrub = (text: string): string => forms.reduce((clean, form) => clean.replaceAll(form, "[secret]"), text);
  return {
    text: (text) => redact(scrub(text)),
    fact: (text) => (scrub(text) === text ? text : undefined),
  };
}

function listForms(value: string): string[] {
  const bytes = Buffer.from(value, "utf8");
  return [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    bytes.toString("hex"),
    // At each of the three offsets, without the characters that its neighbours share.
    ...[0, 1, 2].flatMap((offset) => {
      const text = Buffer.concat([Buffer.alloc(offset), bytes])
        .toString("base64")
        .replaceAll("=", "");
      const inner = text.slice(offset === 0 ? 0 : offset + 1, -1);
      return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
    }),
  ].filter(({ length }) => length >= shortest);
}
