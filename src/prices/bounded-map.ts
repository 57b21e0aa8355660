/** A map that keeps `most` entries and forgets those first that were set first. */
export type BoundedMap<V> = {
  get: (key: string) => V | undefined;
  set: (key: string, value: V) => void;
  size: () => number;
};

export function createBoundedMap<V>(most: number): BoundedMap<V> {
  const entries = new Map<string, V>();
  return {
    get: (key) => entries.get(key),
    set: (key, value) => {
      const oldest = entries.size >= most && !entries.has(key) ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
      entries.set(key, value);
    },
    size: () => entries.size,
  };
}
