// Whether the host is still heard (research 2.10: loss is judged by observed silence).
// Decides when it is in doubt and when it is lost. A process that slept itself heard nothing because it did not listen.

/** After so much silence the host is in doubt. */
export const SUSPECT_US = 7_500_000;
/** After so much the connection is given up. */
export const SILENCE_US = 15_000_000;
/** Whoever is called at least every five seconds, and comes later than this, slept. */
const SLEPT_US = 6_000_000;
/** What the host said meanwhile waits to be read: so much of the silence counts at most. */
const FORGIVEN_US = 5_000_000;

/** Listens for one host. */
export class HostWatch {
  #heardUs = 0;
  #nowUs = 0;
  #isSilent = false;

  /** Whether the host is in doubt. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Begins with a new connection. */
  begin(nowUs: number): void {
    this.#heardUs = this.#nowUs = nowUs;
    this.#isSilent = false;
  }

  /** Takes the time at every call; whether this process slept since the last one. */
  handleTime(nowUs: number): boolean {
    const hasSlept = nowUs - this.#nowUs > SLEPT_US;
    if (hasSlept) this.#heardUs = Math.max(this.#heardUs, nowUs - FORGIVEN_US);
    this.#nowUs = Math.max(this.#nowUs, nowUs);
    return hasSlept;
  }

  /** The host said something; whether it had been in doubt. */
  handleHeard(nowUs: number): boolean {
    this.#heardUs = nowUs;
    const wasSilent = this.#isSilent;
    this.#isSilent = false;
    return wasSilent;
  }

  /** What the silence means by now, when that is new. */
  handleDeadline(nowUs: number): "suspect" | "lost" | null {
    const silentUs = nowUs - this.#heardUs;
    if (silentUs >= SILENCE_US) return "lost";
    if (silentUs < SUSPECT_US || this.#isSilent) return null;
    this.#isSilent = true;
    return "suspect";
  }

  /** When to look again, in microseconds. */
  deadlineUs(): number {
    return this.#heardUs + (this.#isSilent ? SILENCE_US : SUSPECT_US);
  }
}
