/** Pure: values as people read them. Nothing that a server or another user wrote reaches the terminal as a command. */

/** Without control characters: a name or a reason must not move the cursor or colour the screen. */
export const clean = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ');

const two = (value: number) => String(value).padStart(2, '0');

/** In the time zone of this machine: `2026-03-01 14:05:09`. What is no time is given back as it is. */
export function time(iso: unknown): string {
  if (typeof iso !== 'string' || iso === '') return '';
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes with three significant digits: `1.5 MiB`. */
export function size(bytes: unknown): string {
  if (typeof bytes !== 'number') return '';
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  const digits = power === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${UNITS[power]}`;
}

/** `sha256:0123456789ab`: enough to tell versions apart, and what a person compares. The whole is in --json. */
export function shortDigest(digest: unknown): string {
  const text = typeof digest === 'string' ? digest : '';
  const colon = text.indexOf(':');
  return colon > 0 && text.length > colon + 13 ? text.slice(0, colon + 13) : text;
}

/** The first part of a UUID, of ids that are shown and never typed. */
export const shortId = (id: unknown): string => {
  const text = typeof id === 'string' ? id : '';
  return /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(text) ? text.slice(0, 8) : text;
};

/** `3 repositories`, `1 repository`. */
export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;
