/**
 * YAML text with the places of its parts, so that a fault can name line and
 * column. Parser messages are replaced by our own words: theirs may quote the
 * file, and what they quote may be a secret.
 */
import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from "yaml";

import type { Fault } from "./faults.ts";

type Place = { line: number; column: number };

export type YamlSource = {
  /** The plain value; undefined when the text cannot be read as YAML. */
  value: unknown;
  faults: Fault[];
  /** Where the value at the path stands; of a missing one, where its parent stands. */
  findValue(path: readonly PropertyKey[]): Place;
  /** Where the last segment of the path stands as a key. */
  findKey(path: readonly PropertyKey[]): Place;
};

const syntaxFaults: Record<ErrorCode, string> = {
  ALIAS_PROPS: "an alias has neither anchor nor tag",
  BAD_ALIAS: "is not an alias: quote a value that begins with * or &",
  BAD_COLLECTION_TYPE: "a tag does not fit what it stands at",
  BAD_DIRECTIVE: "is no directive: quote a value that begins with %",
  BAD_DQ_ESCAPE: "no such escape in a double-quoted text: write \\\\ for a backslash, or use single quotes",
  BAD_INDENT: "the indentation does not fit the lines above, or a closing bracket is missing",
  BAD_PROP_ORDER: "anchor and tag stand before their value",
  BAD_SCALAR_START: "a value cannot begin with this character: quote it",
  BLOCK_AS_IMPLICIT_KEY: "a second key on one line: quote a value that holds a colon and a space",
  BLOCK_IN_FLOW: "no indented block inside brackets",
  DUPLICATE_KEY: "stands twice",
  IMPOSSIBLE: "cannot be read",
  KEY_OVER_1024_CHARS: "the key is longer than 1024 characters",
  MISSING_CHAR: "a quote, comma, colon or space is missing",
  MULTILINE_IMPLICIT_KEY: "the key goes over more than one line: is a colon missing?",
  MULTIPLE_ANCHORS: "has two anchors",
  MULTIPLE_DOCS: "a second document begins: one file holds one configuration",
  MULTIPLE_TAGS: "has two tags",
  NON_STRING_KEY: "a key is plain text",
  RESOURCE_EXHAUSTION: "is nested too deeply",
  TAB_AS_INDENT: "a tab in the indentation: use spaces",
  TAG_RESOLVE_FAILED: "a tag has no meaning here: quote a value that begins with !",
  UNEXPECTED_TOKEN: "something stands where nothing can",
};

export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };

  const faults: Fault[] = [...document.errors, ...document.warnings].map((error) => ({
    ...place(error.pos[0]),
    path: error.code === "DUPLICATE_KEY" ? readWord(text, error.pos[0]) : "",
    text: syntaxFaults[error.code],
  }));
  const aliasFaults = findUnresolvedAliases(document).map((offset) => ({
    ...place(offset),
    path: "",
    text: "an alias without its anchor: quote a value that begins with *",
  }));
  const readable = document.errors.every((error) => error.code === "DUPLICATE_KEY") && aliasFaults.length === 0;
  const converted = readable ? toValue(document) : { value: undefined, faults: [] };

  return {
    value: converted.value,
    faults: [...faults, ...aliasFaults, ...converted.faults],
    findValue: (path) => place(findOffset(document, path, "value")),
    findKey: (path) => place(findOffset(document, path, "key")),
  };
}

/** Aliases may repeat a value, but not multiply a small file into a huge one. */
function toValue(document: Document): { value: unknown; faults: Fault[] } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), faults: [] };
  } catch {
    // The library's message may quote the file; the only cause left is the number of aliases.
    return { value: undefined, faults: [{ line: 1, column: 1, path: "", text: "has too many aliases" }] };
  }
}

/** Also an alias inside its own anchor: it has no finite value. */
function findUnresolvedAliases(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Alias(_key, alias, ancestors) {
      const target = alias.resolve(document);
      if (target === undefined || ancestors.includes(target)) offsets.push(alias.range?.[0] ?? 0);
    },
  });
  return offsets;
}

/** The word at an offset of a key; empty when it is not a plain word. */
function readWord(text: string, offset: number): string {
  return /^["']?([A-Za-z_][A-Za-z0-9_-]{0,40})/.exec(text.slice(offset, offset + 45))?.[1] ?? "";
}

function findOffset(document: Document, path: readonly PropertyKey[], what: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, segment] of path.entries()) {
    const container = isAlias(node) ? node.resolve(document) : node;
    const isLast = index === path.length - 1;
    if (isMap(container)) {
      const pair = container.items.findLast((item) => keyOf(item) === String(segment));
      if (pair === undefined) return offset;
      const keyOffset = startOf(pair.key) ?? offset;
      offset = isLast && what === "key" ? keyOffset : (startOf(pair.value) ?? keyOffset);
      node = pair.value;
    } else if (isSeq(container) && typeof segment === "number") {
      node = container.items[segment];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function keyOf(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}

function startOf(node: unknown): number | undefined {
  // `contents`, keys, values and items of a parsed document are nodes or null.
  return (node as Node | null | undefined)?.range?.[0];
}
