/**
 * Looks for any of several byte strings in a stream, in one pass and whatever the
 * bounds of its chunks (Aho and Corasick, CACM 18/6, 1975): a copy of a million
 * rows is searched for marks of secrets at next to no cost.
 */

export type MarkSearch = {
  /** Reads on. */
  read(chunk: Uint8Array): void;
  /** Whether a mark has come by. */
  isFound(): boolean;
};

/** A search that stands at the beginning of a stream. Marks are ASCII and not empty. */
export function searchMarks(marks: readonly string[]): MarkSearch {
  const { next, found } = buildAutomaton(marks);
  let state = 0;
  return {
    read(chunk) {
      let current = state;
      for (let place = 0; place < chunk.length; place += 1) current = next[(current << 8) | (chunk[place] ?? 0)] ?? 0;
      state = current;
    },
    isFound: () => state === found,
  };
}

/** For each state and byte the next state; `found` leads nowhere else. */
function buildAutomaton(marks: readonly string[]): { next: Uint32Array; found: number } {
  const size = marks.reduce((sum, mark) => sum + mark.length, 1);
  const found = size;
  const next = new Uint32Array((size + 1) << 8);
  let states = 1;
  for (const mark of marks) {
    let state = 0;
    for (const [place, byte] of Buffer.from(mark).entries()) {
      const slot = (state << 8) | byte;
      if (next[slot] === 0) next[slot] = place === mark.length - 1 ? found : states++;
      if (place === mark.length - 1) next[slot] = found;
      state = next[slot] ?? 0;
      if (state === found) break;
    }
  }
  fillGaps(next, found);
  return { next, found };
}

/** Where the trie has no edge, a state goes where its longest proper suffix goes. */
function fillGaps(next: Uint32Array, found: number): void {
  const suffixes = new Map<number, number>();
  const queue = [...new Set(next.subarray(0, 256))].filter((state) => state !== 0 && state !== found);
  for (const state of queue) suffixes.set(state, 0);
  for (const state of queue) {
    const suffix = suffixes.get(state) ?? 0;
    for (let byte = 0; byte < 256; byte += 1) {
      const child = next[(state << 8) | byte] ?? 0;
      const fallback = next[(suffix << 8) | byte] ?? 0;
      if (child === 0 || fallback === found) next[(state << 8) | byte] = fallback;
      else if (child !== found) {
        suffixes.set(child, fallback);
        queue.push(child);
      }
    }
  }
  next.fill(found, found << 8);
}
