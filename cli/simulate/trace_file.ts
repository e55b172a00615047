// A file of facts, one JSON line each, written in large pieces.
// Decides when to write; an error of the file is thrown at the fact that found it.

import { writeWhole } from "./outputs.ts";

const PIECE_CHARACTERS = 1 << 18;

/** A trace that is being written. */
export class TraceFile {
  readonly #file: Deno.FsFile;
  readonly #encoder = new TextEncoder();
  #piece = "";

  /** Makes the file, or empties it. */
  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
  }

  /** Adds one fact, or whatever else is a JSON object. */
  add(fact: object): void {
    this.#piece += JSON.stringify(fact) + "\n";
    if (this.#piece.length > PIECE_CHARACTERS) this.#flush();
  }

  /** Writes what is left and closes the file. */
  close(): void {
    try {
      this.#flush();
    } finally {
      this.#file.close();
    }
  }

  #flush(): void {
    const bytes = this.#encoder.encode(this.#piece);
    this.#piece = "";
    writeWhole(this.#file, bytes);
  }
}
