// Wall time as text and back: `2026-11-20T20:14:07.123Z`, always 24 characters of UTC.
// Decides by the proleptic Gregorian calendar alone (days to dates: Howard Hinnant, "chrono-compatible low-level date
// algorithms"); knows no clock.

const DAY_MS = 86_400_000;
/** The days from 1 March of the year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;
/** 0001-01-01 and the last millisecond of 9999: nothing else has 24 characters. */
const MIN_MS = -62_135_596_800_000;
const MAX_MS = 253_402_300_799_999;

/** Length of every such text. */
export const WALL_TEXT_LENGTH = 24;

/** `wallMs` (milliseconds since 1970) as text; times beyond the years 1 to 9999 become the nearest one. */
export function wallText(wallMs: number): string {
  const ms = Math.min(MAX_MS, Math.max(MIN_MS, Number.isNaN(wallMs) ? 0 : Math.floor(wallMs)));
  const day = Math.floor(ms / DAY_MS);
  const ofDay = ms - day * DAY_MS;
  const shifted = day + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const date = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const time = `${pad(Math.floor(ofDay / 3_600_000), 2)}:${pad(Math.floor(ofDay / 60_000) % 60, 2)}:` +
    `${pad(Math.floor(ofDay / 1000) % 60, 2)}.${pad(ofDay % 1000, 3)}`;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(date, 2)}T${time}Z`;
}

/** Days from 1970-01-01 to a date. */
export function daysOf(year: number, month: number, date: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + date - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * ERA_DAYS + dayOfEra - EPOCH_DAYS;
}

/** The time that 24 bytes from `at` on mean; null where they are no such text. */
export function readWall(bytes: Uint8Array, at: number): number | null {
  if (at + WALL_TEXT_LENGTH > bytes.length) return null;
  if (
    bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d || bytes[at + 10] !== 0x54 || bytes[at + 13] !== 0x3a ||
    bytes[at + 16] !== 0x3a || bytes[at + 19] !== 0x2e || bytes[at + 23] !== 0x5a
  ) return null;
  const year = digits(bytes, at, 4);
  const month = digits(bytes, at + 5, 2);
  const date = digits(bytes, at + 8, 2);
  const hour = digits(bytes, at + 11, 2);
  const minute = digits(bytes, at + 14, 2);
  const second = digits(bytes, at + 17, 2);
  const ms = digits(bytes, at + 20, 3);
  if (year < 1 || month < 1 || month > 12 || date < 1 || date > 31) return null;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || ms < 0) return null;
  return daysOf(year, month, date) * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms;
}

function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
