/**
 * Exact money. A rate is a whole number of attodollars (1e-18 USD) for one token or one
 * search, so that a price of up to twelve decimals for a million tokens is exact, also
 * where a tier halves it or adds a tenth. Sums stay in attodollars; the only rounding is
 * the last step, to nano-dollars, half up.
 */
const decimal = /^(\d{1,15})(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,2}))?$/;

const attoPerNano = 1_000_000_000n;

/** Whole units of 10^-`digits` of a decimal number that is not negative, half up; undefined for other text. */
export function parseDecimal(text: string, digits: number): bigint | undefined {
  const found = decimal.exec(text.trim());
  if (found === null) return undefined;
  const [, whole = "", fraction = "", exponent = "0"] = found;
  const shift = digits + Number(exponent) - fraction.length;
  const value = BigInt(whole + fraction);
  if (shift >= 0) return value * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return (value * 2n + divisor) / (divisor * 2n);
}

/** USD for a million tokens as attodollars for one; `usd` as the catalog or the configuration has it. */
export function perMillion(usd: number | string): bigint {
  return parse(usd, 12);
}

/** USD for a thousand searches or requests as attodollars for one. */
export function perThousand(usd: number | string): bigint {
  return parse(usd, 15);
}

/** The one rounding: half up. */
export function toNanousd(attousd: bigint): bigint {
  return (attousd + attoPerNano / 2n) / attoPerNano;
}

function parse(usd: number | string, digits: number): bigint {
  const value = parseDecimal(String(usd), digits);
  if (value === undefined) throw new RangeError(`not an amount in USD: ${usd}`);
  return value;
}
