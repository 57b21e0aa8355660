/**
 * Cuts a text into parts of at most `limit` as `measure` counts, between
 * paragraphs, lines or words where there are any, never inside a surrogate pair.
 * Joined, the parts are the text. A text that fits is one part, also an empty one.
 */
export function splitText(text: string, limit: number, measure: (part: string) => number = countUnits): string[] {
  const parts: string[] = [];
  let rest = text;
  while (measure(rest) > limit) {
    const end = findCut(rest, fitLength(rest, limit, measure));
    parts.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return rest === "" && parts.length > 0 ? parts : [...parts, rest];
}

/** UTF-16 units, as Telegram and Discord count at most. */
export function countUnits(text: string): number {
  return text.length;
}

export function countBytes(text: string): number {
  return Buffer.byteLength(text);
}

/** The longest beginning that fits, in units; at least one character. */
function fitLength(text: string, limit: number, measure: (part: string) => number): number {
  let [low, high] = [1, Math.min(text.length, limit)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (measure(text.slice(0, middle)) <= limit) low = middle;
    else high = middle - 1;
  }
  if (!isInsidePair(text, low)) return low;
  return low === 1 ? 2 : low - 1;
}

/** A cut in the first half would make many small parts: then rather in the middle of a word. */
function findCut(text: string, longest: number): number {
  const window = text.slice(0, longest);
  for (const separator of ["\n\n", "\n", " "]) {
    const at = window.lastIndexOf(separator);
    if (at !== -1 && at + separator.length >= longest / 2) return at + separator.length;
  }
  return longest;
}

function isInsidePair(text: string, index: number): boolean {
  return /[\uD800-\uDBFF]/.test(text.charAt(index - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(index));
}
