// Times of day as the reader's wall has them.
// Decides when a date stands before the time: when it was not today.

/** Makes a clock for one reader at one moment. */
export function wallClock(nowMs: number = Date.now()): (wallMs: number) => string {
  const today = new Date(nowMs).toDateString();
  return (wallMs) => {
    const date = new Date(wallMs);
    const two = (n: number): string => String(n).padStart(2, "0");
    const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    if (!Number.isFinite(date.getTime())) return "an unknown time";
    if (date.toDateString() === today) return time;
    return `${time} on ${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  };
}

/** `20:14:07.123`, for lines of a log. */
export function preciseClock(wallMs: number): string {
  const date = new Date(wallMs);
  if (!Number.isFinite(date.getTime())) return "--:--:--.---";
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${
    String(date.getMilliseconds()).padStart(3, "0")
  }`;
}

/** RFC 3339 in UTC, for scripts. */
export function isoTime(wallMs: number): string {
  const date = new Date(wallMs);
  return Number.isFinite(date.getTime()) ? date.toISOString() : "-";
}
