// Why a message was not taken, as `send()` returns it: a message number is 0 or more, a refusal is less.

/** Refusals of `send()`. Nothing was taken, nothing is disconnected. */
export const SendRefusal = {
  /** The lane's queue is at its bound. */
  full: -1,
  /** The message is larger than the lane allows. */
  tooLarge: -2,
  /** The lane's queue is at its bound because the peer does not read. */
  noCredit: -3,
  /** The connection is over, or the lane is not open. */
  closed: -4,
} as const;

/** A word for a refusal, for people and logs. */
export function refusalName(result: number): "full" | "too-large" | "no-credit" | "closed" {
  return result === SendRefusal.full
    ? "full"
    : result === SendRefusal.tooLarge
    ? "too-large"
    : result === SendRefusal.noCredit
    ? "no-credit"
    : "closed";
}
