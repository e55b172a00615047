// A "no" that costs next to nothing: its sentence is made when somebody reads it.
// Decides the codes by which programs tell refusals apart. Never thrown.

/** Why a value or a definition is not taken. */
export type RefusalCode =
  | "wrong-type"
  /** NaN or an infinity. */
  | "not-finite"
  | "out-of-range"
  /** A word that the enum does not have. */
  | "unknown-word"
  | "too-long"
  /** JSON with too many levels. */
  | "too-deep"
  /** Half a surrogate pair: no text. */
  | "not-text"
  /** A path or a number that nobody declared. */
  | "unknown-path"
  /** A path that is there no more, or a number that stood for an older definition. */
  | "gone"
  /** A number that stands for something else already. */
  | "conflict"
  /** A bound of the book is reached. */
  | "full";

/** A refused value. Programs read `code`, people `why`. */
export class Refusal {
  readonly code: RefusalCode;
  readonly #say: () => string;

  /** `say` is called when the sentence is read: a client that floods must not make the host write. */
  constructor(code: RefusalCode, say: () => string) {
    this.code = code;
    this.#say = say;
  }

  /** What is wrong, and what would be right, in one sentence. */
  get why(): string {
    return this.#say();
  }
}

/** Whether the answer is a refusal. */
export function isRefusal(answer: unknown): answer is Refusal {
  return answer instanceof Refusal;
}
