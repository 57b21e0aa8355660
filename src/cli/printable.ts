/** Everything but line breaks, tabs and the colours we set ourselves. */
const unprintable =
  /\u001b(?!\[[0-9;]{0,12}m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text that a terminal shows and does not obey: names and messages come from
 * other people's databases and may hold control sequences.
 */
export function makePrintable(text: string): string {
  return text.replaceAll(unprintable, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}
