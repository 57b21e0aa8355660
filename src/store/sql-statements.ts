/**
 * Splits SQL text into statements as psql does: quotes, dollar quotes, nested
 * comments, parentheses and `begin atomic` bodies hide their semicolons. It
 * judges nothing else; what is not SQL fails at the server.
 *
 * It assumes `standard_conforming_strings = on`, the default since PostgreSQL 9.1.
 */

export type SqlStatement = {
  /** The statement without leading comments and without its semicolon. */
  text: string;
  /** Offset of `text` in the whole, in UTF-16 units. */
  start: number;
  /** The line that `text` starts at, from 1. */
  line: number;
  /** The first words in lower case: enough to tell what kind of statement it is. */
  words: string[];
  /** One line for people: literals are replaced by `'…'`, because they may hold a secret. */
  headline: string;
};

export type SqlSplit = {
  statements: SqlStatement[];
  /** Client commands such as `\i`, which only psql understands. */
  metaCommands: { name: string; line: number }[];
};

type Token = { kind: "space" | "comment" | "literal" | "word" | "meta" | "other"; end: number };

const maxWords = 64;
const maxHeadline = 100;

const space = /[ \t\n\r\f\v]+/y;
const lineComment = /--[^\n\r]*/y;
const dollarQuote = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const word = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
/** Takes the rest of its line, as in psql. */
const metaCommand = /\\[^\n\r]*/y;
/** Two literals with a newline between them are one: the second inherits the escapes of the first. */
const continuation = /(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'/y;

/** All statements in order; an unterminated last one is given as it stands. Text between `;` and `;` that is only space or comment is none. */
export function splitSql(sql: string): SqlSplit {
  const statements: SqlStatement[] = [];
  const metaCommands: SqlSplit["metaCommands"] = [];
  const lineOf = lineCounter(sql);
  let open = openStatement();
  for (let at = 0; at < sql.length;) {
    const token = readToken(sql, at);
    const text = sql.slice(at, token.end);
    if (token.kind === "other" && text === ";" && open.parenDepth === 0 && open.bodyDepth === 0) {
      close(sql, open, statements);
      open = openStatement();
    } else if (token.kind === "meta") {
      metaCommands.push({ name: text.split(/\s/, 1).join(), line: lineOf(at) });
    } else if (token.kind !== "space" && token.kind !== "comment") {
      open.start ??= { at, line: lineOf(at) };
      take(open, token, text);
    }
    if (open.start !== undefined) appendHeadline(open, token, text);
    at = token.end;
  }
  close(sql, open, statements);
  return { statements, metaCommands };
}

type OpenStatement = {
  start: { at: number; line: number } | undefined;
  /** Where its last token ended: trailing space and comments are not part of it. */
  end: number;
  words: string[];
  headline: string;
  parenDepth: number;
  bodyDepth: number;
};

function openStatement(): OpenStatement {
  return { start: undefined, end: 0, words: [], headline: "", parenDepth: 0, bodyDepth: 0 };
}

function take(open: OpenStatement, token: Token, text: string): void {
  open.end = token.end;
  if (text === "(") open.parenDepth += 1;
  if (text === ")" && open.parenDepth > 0) open.parenDepth -= 1;
  if (token.kind !== "word") return;
  const lower = text.toLowerCase();
  if (open.words.length < maxWords) open.words.push(lower);
  if (open.parenDepth === 0 && definesRoutine(open.words)) countBody(open, lower);
}

/** `begin atomic … end`; a `case` inside also ends with `end`. */
function countBody(open: OpenStatement, lower: string): void {
  if (lower === "begin") open.bodyDepth += 1;
  else if (lower === "case" && open.bodyDepth > 0) open.bodyDepth += 1;
  else if (lower === "end" && open.bodyDepth > 0) open.bodyDepth -= 1;
}

function definesRoutine(words: string[]): boolean {
  if (words[0] !== "create") return false;
  const noun = words[1] === "or" && words[2] === "replace" ? words[3] : words[1];
  return noun === "function" || noun === "procedure";
}

function appendHeadline(open: OpenStatement, token: Token, text: string): void {
  if (open.headline.length > maxHeadline) return;
  if (token.kind === "space" || token.kind === "comment") {
    if (!open.headline.endsWith(" ")) open.headline += " ";
  } else open.headline += token.kind === "literal" ? "'…'" : text;
}

function close(sql: string, open: OpenStatement, statements: SqlStatement[]): void {
  if (open.start === undefined) return;
  const headline = open.headline.trim();
  statements.push({
    text: sql.slice(open.start.at, open.end),
    start: open.start.at,
    line: open.start.line,
    words: open.words,
    headline: headline.length > maxHeadline ? `${headline.slice(0, maxHeadline - 1)}…` : headline,
  });
}

function readToken(sql: string, at: number): Token {
  const character = sql.charAt(at);
  const next = sql.charAt(at + 1);
  if (character === "'") return { kind: "literal", end: endOfQuoted(sql, at + 1, "'", false) };
  if ((character === "e" || character === "E") && next === "'") {
    return { kind: "literal", end: endOfQuoted(sql, at + 2, "'", true) };
  }
  if (character === '"') return { kind: "other", end: endOfQuoted(sql, at + 1, '"', false) };
  if (character === "/" && next === "*") return { kind: "comment", end: endOfBlockComment(sql, at) };
  return (
    match(space, "space", sql, at) ??
    match(lineComment, "comment", sql, at) ??
    dollarQuoted(sql, at) ??
    match(word, "word", sql, at) ??
    match(metaCommand, "meta", sql, at) ?? { kind: "other", end: at + 1 }
  );
}

function match(pattern: RegExp, kind: Token["kind"], sql: string, at: number): Token | undefined {
  pattern.lastIndex = at;
  return pattern.test(sql) ? { kind, end: pattern.lastIndex } : undefined;
}

function dollarQuoted(sql: string, at: number): Token | undefined {
  const opening = match(dollarQuote, "literal", sql, at);
  if (opening === undefined) return undefined;
  const tag = sql.slice(at, opening.end);
  const closing = sql.indexOf(tag, opening.end);
  return { kind: "literal", end: closing === -1 ? sql.length : closing + tag.length };
}

function endOfQuoted(sql: string, from: number, quote: string, escapes: boolean): number {
  let at = from;
  while (at < sql.length) {
    const character = sql.charAt(at);
    if (escapes && character === "\\") at += 2;
    else if (character !== quote) at += 1;
    else if (sql.charAt(at + 1) === quote) at += 2;
    else {
      const goesOn = escapes ? match(continuation, "literal", sql, at + 1) : undefined;
      if (goesOn === undefined) return at + 1;
      at = goesOn.end;
    }
  }
  return sql.length;
}

function endOfBlockComment(sql: string, from: number): number {
  let depth = 0;
  for (let at = from; at < sql.length; at += 1) {
    const pair = sql.slice(at, at + 2);
    if (pair === "/*") depth += 1;
    else if (pair === "*/") depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return sql.length;
}

/** Answers the line of ascending offsets, in one pass over the text. */
function lineCounter(sql: string): (at: number) => number {
  let line = 1;
  let counted = 0;
  return (at) => {
    for (; counted < at; counted += 1) if (sql.charAt(counted) === "\n") line += 1;
    return line;
  };
}
