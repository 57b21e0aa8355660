/** The order of tables in which no row is written before the row it refers to. */

export type Reference = { from: string; to: string };

/**
 * Tables with the referred-to ones first, otherwise in the order given. Tables
 * that refer to each other in a circle stand between those the circle refers to
 * and those that refer to it, and are named in `circular`.
 */
export function orderByReferences(
  tables: readonly string[],
  references: readonly Reference[],
): { ordered: string[]; circular: string[] } {
  const others = references.filter(({ from, to }) => from !== to);
  const first = peel(tables, (table, waiting) =>
    others.every(({ from, to }) => from !== table || !waiting.includes(to)),
  );
  const last = peel(first.rest, (table, waiting) =>
    others.every(({ from, to }) => to !== table || !waiting.includes(from)),
  );
  return { ordered: [...first.peeled, ...last.rest, ...last.peeled.toReversed()], circular: last.rest };
}

/** Takes away what is free, again and again, until nothing is. */
function peel(
  tables: readonly string[],
  isFree: (table: string, waiting: readonly string[]) => boolean,
): { peeled: string[]; rest: string[] } {
  const peeled: string[] = [];
  let rest = [...tables];
  for (;;) {
    const free = rest.filter((table) => isFree(table, rest));
    if (free.length === 0) return { peeled, rest };
    peeled.push(...free);
    rest = rest.filter((table) => !free.includes(table));
  }
}
