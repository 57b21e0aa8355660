/** A call as a line of a file: JSON, or CSV by RFC 4180 that no spreadsheet takes for a formula. */
import type { ExportedCall } from "./export-queries.ts";

export type ExportFormat = "csv" | "jsonl";
type Values = ExportedCall["values"];
type Column = { name: string; isText?: true };

/** With which a spreadsheet begins a formula. */
const formulaStart = /^[=+\-@\t\r]/;

export function formatHeader(columns: readonly Column[], format: ExportFormat): string {
  return format === "csv" ? `${columns.map(({ name }) => name).join(",")}\r\n` : "";
}

export function formatLine(columns: readonly Column[], values: Values, format: ExportFormat): string {
  return format === "csv" ? formatCsv(columns, values) : formatJson(columns, values);
}

/** What a call does not say is left out. */
function formatJson(columns: readonly Column[], values: Values): string {
  const said = columns.flatMap(({ name }, index) => (values[index] == null ? [] : [[name, values[index]] as const]));
  return `${JSON.stringify(Object.fromEntries(said))}\n`;
}

function formatCsv(columns: readonly Column[], values: Values): string {
  const cells = columns.map(({ isText }, index) => {
    const value = values[index];
    if (value == null) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return quote(isText && formulaStart.test(text) ? `'${text}` : text);
  });
  return `${cells.join(",")}\r\n`;
}

function quote(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
