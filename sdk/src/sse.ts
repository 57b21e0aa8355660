/**
 * Server-sent events, read piece by piece: the text may be split anywhere, lines end with
 * CRLF, LF or CR (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 */

export type SseParser = {
  /** The data of each event that the text completes. */
  push(text: string): string[];
  /** The data of an event that the stream ended in the middle of: some servers leave out the last empty line. */
  end(): string[];
};

export function createSseParser(): SseParser {
  let rest = "";
  /** Of the event that has not come to its empty line. */
  let data: string | undefined;
  let isFirst = true;

  const readLine = (text: string, from: number, to: number): void => {
    if (!text.startsWith("data", from) || (to > from + 4 && text[from + 4] !== ":")) return;
    const value = text.slice(from + (text[from + 5] === " " ? 6 : 5), to);
    data = data === undefined ? value : `${data}\n${value}`;
  };

  /** No array of lines: half of a stream's lines are empty. */
  const readLines = (text: string): string[] => {
    const complete: string[] = [];
    let from = 0;
    for (let to = text.indexOf("\n"); to !== -1; to = text.indexOf("\n", from)) {
      if (to > from) {
        readLine(text, from, to);
      } else if (data !== undefined) {
        complete.push(data);
        data = undefined;
      }
      from = to + 1;
    }
    rest = text.slice(from);
    return complete;
  };

  return {
    push(text) {
      let whole = rest + text;
      if (isFirst && whole !== "") {
        whole = whole.replace(/^\uFEFF/, "");
        isFirst = false;
      }
      // A CR at the end may be half of a CRLF.
      return readLines(whole.includes("\r") ? whole.replaceAll(/\r\n|\r(?!$)/g, "\n") : whole);
    },
    end() {
      return readLines(`${rest.replace("\r", "\n")}\n\n`);
    },
  };
}
