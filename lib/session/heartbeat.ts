// Heartbeats both ways: who is still there, and how long a round trip takes.
// Decides when a pulse goes out and when silence means loss. A side that stalled itself (garbage collection, a
// sleeping laptop) cannot tell that its peer was silent, so its own lateness starts the silence anew (lanes 4.12).

/** Own lateness that restarts the silence. */
const LATE_US = 250_000;

/** The pulse of one session. Times are monotonic microseconds. */
export class Heartbeat {
  /** When the next pulse goes out. */
  nextBeatUs: number;
  /** The newest round trip, null before the first. */
  latestRttUs: number | null = null;
  #lastHeardUs: number;
  #nonce = 0;
  #sentUs = 0;
  #outstanding = false;

  /**
   * @param beatUs a pulse goes out this often
   * @param silenceUs a peer that sent nothing for this long is lost
   */
  constructor(nowUs: number, private readonly beatUs: number, private readonly silenceUs: number) {
    this.nextBeatUs = nowUs + beatUs;
    this.#lastHeardUs = nowUs;
  }

  /** When silence becomes loss, unless something comes before. */
  get silentAtUs(): number {
    return this.#lastHeardUs + this.silenceUs;
  }

  /** Something came from the peer. */
  onHeard(nowUs: number): void {
    this.#lastHeardUs = nowUs;
  }

  /** We were asked at `nowUs` to do what was due at `dueUs`. */
  onWoken(nowUs: number, dueUs: number): void {
    if (nowUs - dueUs > LATE_US) this.#lastHeardUs = nowUs;
  }

  /** How long the peer has been silent. */
  silentForUs(nowUs: number): number {
    return nowUs - this.#lastHeardUs;
  }

  /** Starts a pulse; returns the nonce that goes with it. */
  beat(nowUs: number): number {
    this.nextBeatUs = nowUs + this.beatUs;
    this.#nonce = (this.#nonce + 1) >>> 0;
    this.#sentUs = nowUs;
    this.#outstanding = true;
    return this.#nonce;
  }

  /** A pulse came back. Returns its round trip, null when it is not the newest one. */
  handlePong(nowUs: number, nonce: number): number | null {
    if (!this.#outstanding || nonce !== this.#nonce) return null;
    this.#outstanding = false;
    this.latestRttUs = nowUs - this.#sentUs;
    return this.latestRttUs;
  }
}
