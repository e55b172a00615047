// How much is lost on the way to us, from the gaps in the numbers of everybody's beats, and how many beats of silence
// therefore mean something (discovery research 6.6).
// Decides on beats alone, over all peers together: one peer's beats are too few to tell loss from bad luck.

/** What is believed before anything was heard. */
const PRIOR = 0.05;
const HIGH = 0.15;
/** Of a longer gap only this much counts: it was an outage, of which the rate of loss says nothing. */
const MAX_GAP = 5;
/** Over how long the rate is averaged, in beats of one peer; and in beats altogether, at least and at most. */
const WINDOW_BEATS = 2;
const MIN_WINDOW = 20;
const MAX_WINDOW = 200;
/** So improbable shall a silence by loss alone be. */
const CHANCE = 0.01;
const MIN_BEATS = 3;
const MAX_BEATS = 5;
/** Probes that all got lost shall be so improbable. */
const PROBE_CHANCE = 1e-4;
const MIN_PROBES = 4;
const MAX_PROBES = 14;

/** Estimates the loss of beats. */
export class LossEstimate {
  #rate = PRIOR;
  #weight = 1 / MIN_WINDOW;
  #beats = MIN_BEATS;

  /** Share of beats that do not arrive, 0 to 1. */
  get rate(): number {
    return this.#rate;
  }

  /** How many beats in a row must be missing for a suspicion: ⌈ln 0.01 / ln p⌉, 3 to 5. */
  get beats(): number {
    return this.#beats;
  }

  /**
   * Whether so much is lost that silence of a few others says nothing about ourselves. In the simulator verdicts at 30 %
   * loss took up to three seconds longer while such silence counted.
   */
  get isHigh(): boolean {
    return this.#rate > HIGH;
  }

  /** Whether it is no accident that none of `asked` nodes answered: each is lost on the way there or back. */
  isSilenceTelling(asked: number): boolean {
    return asked > 0 && (1 - (1 - this.#rate) ** 2) ** asked < CHANCE;
  }

  /** How many questions without an answer prove something: each is lost on the way there or back. */
  get probes(): number {
    const lost = 1 - (1 - this.#rate) ** 2;
    return clamp(Math.ceil(Math.log(PROBE_CHANCE) / Math.log(Math.min(0.99, lost))), MIN_PROBES, MAX_PROBES);
  }

  /** Missing answers in a row that make a peer suspect which is asked once a second: as for beats, there and back. */
  get rounds(): number {
    const lost = 1 - (1 - this.#rate) ** 2;
    return clamp(Math.ceil(Math.log(CHANCE) / Math.log(Math.min(0.99, lost))), MIN_BEATS, MAX_BEATS + 2);
  }

  /** A beat has come, and `missing` before it have not. It may raise {@linkcode beats} at once; lowering waits for {@linkcode settle}. */
  note(missing: number): void {
    let rate = this.#rate;
    const weight = this.#weight;
    for (let i = missing < MAX_GAP ? missing : MAX_GAP; i > 0; i--) rate += (1 - rate) * weight;
    rate -= rate * weight;
    this.#rate = rate;
    // Compared by powers, since this is asked for with every beat: p³ ≤ 0.01 is where three beats suffice.
    if (this.#beats < MAX_BEATS && rate ** this.#beats > CHANCE) this.#beats++;
  }

  /** Follows the number of peers, and lowers {@linkcode beats} where that is due. Returns whether it did. */
  settle(peers: number): boolean {
    this.#weight = 1 / clamp(WINDOW_BEATS * peers, MIN_WINDOW, MAX_WINDOW);
    const before = this.#beats;
    this.#beats = clamp(
      Math.ceil(Math.log(CHANCE) / Math.log(Math.max(1e-6, this.#rate))),
      MIN_BEATS,
      MAX_BEATS,
    );
    return this.#beats < before;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
