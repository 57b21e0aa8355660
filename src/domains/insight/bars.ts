/** Figures as a terminal shows them: bars of eighths, amounts under one another, short names and numbers. */
const full = "█";
const parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of at most `width` columns; the smallest amount that is one has an eighth of a column. */
export function formatBar(amount: bigint, most: bigint, width: number): string {
  if (amount <= 0n || most <= 0n || width <= 0) return "";
  const whole = BigInt(width) * 8n;
  const rounded = Number((amount * whole * 2n + most) / (most * 2n));
  const eighths = Math.min(Number(whole), Math.max(1, rounded));
  return full.repeat(Math.floor(eighths / 8)) + (parts[eighths % 8] ?? "");
}

/** Amounts one under another with their points in one column; a word stands at the right. */
export function alignAmounts(cells: readonly string[]): string[] {
  const after = Math.max(0, ...cells.map((cell) => (cell.includes(".") ? cell.length - cell.indexOf(".") : 0)));
  return alignRight(cells.map((cell) => (cell.includes(".") ? cell.padEnd(cell.indexOf(".") + after) : cell)));
}

export function alignRight(cells: readonly string[]): string[] {
  const width = Math.max(0, ...cells.map((cell) => cell.length));
  return cells.map((cell) => cell.padStart(width));
}

/** `812`, `12.3k`, `4.56M`, `1.20G`: tokens, of which nobody needs the last. */
export function formatTokens(tokens: number): string {
  const scales = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  const [scale, letter] = scales.find(([size]) => tokens >= size) ?? [1, ""];
  if (scale === 1) return String(tokens);
  const hundredths = Math.floor((tokens / scale) * 100);
  const digits = hundredths < 1_000 ? 2 : hundredths < 10_000 ? 1 : 0;
  const unit = 10 ** (2 - digits);
  return `${((Math.floor(hundredths / unit) * unit) / 100).toFixed(digits)}${letter}`;
}

/** `12.3%` of the whole, `<0.1%` for what is more than nothing; empty where there is no whole. */
export function formatShare(amount: bigint, whole: bigint): string {
  if (whole <= 0n) return "";
  const permille = (amount * 2000n + whole) / (whole * 2n);
  if (permille === 0n && amount > 0n) return "<0.1%";
  return `${permille / 10n}.${permille % 10n}%`;
}

/** With its middle left out where it is longer: names differ at both ends. */
export function shorten(name: string, most: number): string {
  const letters = Array.from(name);
  if (letters.length <= most) return name;
  const tail = Math.floor((most - 1) / 2);
  return [...letters.slice(0, most - 1 - tail), "…", ...letters.slice(letters.length - tail)].join("");
}
