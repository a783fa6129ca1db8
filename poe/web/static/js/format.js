// Numbers for people: Wei as ETH, seconds, hex cut short, times of day.

const ETHER = 10n ** 18n;

/** A Wei amount (decimal string) as a signed ETH figure with about four digits. */
export function eth(wei) {
  const value = BigInt(wei);
  const size = value < 0n ? -value : value;
  const sign = value < 0n ? "−" : "";
  const number = Number((size * 1000000000n) / ETHER) / 1e9;
  if (size !== 0n && number < 0.00001) return `${sign}${(Number(size) / 1e9).toPrecision(3)} gwei`;
  const digits = number >= 100 ? 1 : number >= 1 ? 3 : number >= 0.01 ? 4 : 6;
  return `${sign}${number.toFixed(digits)}`;
}

/** Seconds with the precision that matters at their size. */
export function seconds(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 120) return `${Math.floor(value / 60)} min`;
  return `${value.toFixed(size >= 20 ? 0 : size >= 10 ? 1 : 2)} s`;
}

/** A lead over the next: always with its sign. */
export function lead(value) {
  return `${value < 0 ? "−" : "+"}${seconds(Math.abs(value))}`;
}

/** 0x1234…cdef. */
export function short(hex) {
  return hex.length > 14 ? `${hex.slice(0, 6)}…${hex.slice(-4)}` : hex;
}

/** 412 k, 3.1 M. */
export function many(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${Math.round(value / 1e3)} k`;
  return String(value);
}

/** A share as per cent. */
export function percent(value) {
  return `${(100 * value).toFixed(value >= 0.0995 || value === 0 ? 0 : 1)} %`;
}

/** A time of day, to the second, from Unix seconds. */
export function clock(unix) {
  return new Date(unix * 1000).toLocaleTimeString(undefined, { hour12: false });
}

/** The value at a fraction of a sorted list. */
export function quantile(sorted, fraction) {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] : null;
}
