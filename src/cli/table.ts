import { stripVTControlCharacters } from "node:util";

import { escapeControls } from "./printable.ts";

/**
 * Rows as columns of equal width, two spaces apart; the last column is not padded.
 * A line break or a control character in a cell is shown, not made.
 */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => header.map((_, column) => flatten(row[column] ?? "")));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => countColumns(row[column] ?? ""))));
  return cells.map((row) => formatRow(row, widths)).join("\n");
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - countColumns(cell)))
    .join("  ")
    .trimEnd();
}

function flatten(cell: string): string {
  return escapeControls(cell).replaceAll("\n", "\\n").replaceAll("\t", " ");
}

/** Columns of a terminal, near enough: one for each character that is not a colour or a combining mark. */
function countColumns(text: string): number {
  return Array.from(stripVTControlCharacters(text).replaceAll(/\p{Mn}/gu, "")).length;
}
