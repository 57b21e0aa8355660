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

  const readLines = (lines: readonly string[]): string[] => {
    const complete: string[] = [];
    for (const line of lines) {
      if (line === "") {
        if (data !== undefined) complete.push(data);
        data = undefined;
      } else if (line.startsWith("data:") || line === "data") {
        const value = line.slice(line.startsWith("data: ") ? 6 : 5);
        data = data === undefined ? value : `${data}\n${value}`;
      }
    }
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
      const lines = whole.includes("\r") ? whole.split(/\r\n|\n|\r(?!$)/) : whole.split("\n");
      rest = lines.pop() ?? "";
      return readLines(lines);
    },
    end() {
      const complete = readLines([...rest.split("\r"), ""]);
      rest = "";
      return complete;
    },
  };
}
