import { AppError } from "#errors.ts";

const strict = new TextDecoder("utf-8", { fatal: true });

/**
 * Bytes as text. A byte that is no UTF-8 is refused: replaced by another sign it would make
 * another secret. `subject` says what they are; no byte of it is repeated.
 */
export function readUtf8(bytes: Uint8Array, subject: string): string {
  try {
    return strict.decode(bytes);
  } catch {
    throw new AppError("invalid_input", `${subject} is no text in UTF-8`, {
      hint: "Binary keys are given as text, in base64 or hex as the provider takes them.",
    });
  }
}
