// Why a connection of lanes was closed: numbers of the CLOSE frame. 0 is no code but "go on" on hot paths.

/** Codes of the CLOSE frame. Numbers are never given again. */
export const CloseCode = {
  /** The application is done. */
  done: 1,
  /** A frame could not be read or breaks a rule of the layout. */
  malformed: 2,
  /** A frame means something that the protocol forbids: an acknowledgement of what was never sent, say. */
  protocol: 3,
  /** More than was granted: messages beyond the credit, lanes, ranges, partials. */
  limit: 4,
  /** DATA for a lane that was never opened. */
  unknownLane: 5,
  /** The peer withheld credit for too long. */
  slowConsumer: 6,
  /** Nothing authentic came for too long. Never sent. */
  silence: 7,
  /** A newer connection of the same peer took its place. */
  replaced: 8,
} as const;

/** The name of a code, for people and logs. */
export function closeCodeName(code: number): string {
  for (const [name, value] of Object.entries(CloseCode)) if (value === code) return name;
  return `code ${code}`;
}
