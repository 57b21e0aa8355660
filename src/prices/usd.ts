/** Amounts in USD: whole nano-dollars inside, and with as many digits as matter where people read them. */
import { parseDecimal } from "./nanousd.ts";

const nanoPerUsd = 1_000_000_000n;
const nanoDigits = 9;
/** Below a dollar: enough to tell two prices apart. */
const significantDigits = 3;

/** Nano-dollars of what the store answers: decimal text, which may be negative. */
export function parseUsd(usd: string): bigint {
  const isNegative = usd.startsWith("-");
  const nanousd = parseDecimal(isNegative ? usd.slice(1) : usd, nanoDigits);
  if (nanousd === undefined) throw new RangeError(`not an amount in USD: ${usd}`);
  return isNegative ? -nanousd : nanousd;
}

/** Exact, without zeros at its end: `0.00021`. */
export function toUsd(nanousd: bigint): string {
  const [sign, size] = nanousd < 0n ? ["-", -nanousd] : ["", nanousd];
  const fraction = String(size % nanoPerUsd)
    .padStart(nanoDigits, "0")
    .replace(/0+$/, "");
  return `${sign}${size / nanoPerUsd}${fraction === "" ? "" : `.${fraction}`}`;
}

/** `$0.000123`, `$12.34`, `$1,234.56`. */
export function formatUsd(nanousd: bigint): string {
  const [sign, size] = nanousd < 0n ? ["-", -nanousd] : ["", nanousd];
  const leadingZeros = nanoDigits - String(size).length;
  const digits = size >= nanoPerUsd ? 2 : Math.min(nanoDigits, Math.max(2, leadingZeros + significantDigits));
  const unit = 10n ** BigInt(nanoDigits - digits);
  const rounded = ((size + unit / 2n) / unit) * unit;
  const fraction = String(rounded % nanoPerUsd)
    .padStart(nanoDigits, "0")
    .replace(/0+$/, "");
  return `${sign}$${formatCount(rounded / nanoPerUsd)}.${fraction.padEnd(2, "0")}`;
}

/** `1,234,567`. */
export function formatCount(count: number | bigint): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
