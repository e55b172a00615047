// Text by lines from a stream of bytes.
// Decides nothing. Never waits for ever: each wait has a limit.

/** Reads lines. */
export class TextLineReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next line without its end; null when there is none any more. Rejects after `limitMs`. */
  async next(limitMs: number): Promise<string | null> {
    let timer: number | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no line came within ${limitMs} ms`)), limitMs);
    });
    try {
      return await Promise.race([this.#next(), limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stops reading. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  async #next(): Promise<string | null> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) return null;
      this.#rest += this.#decoder.decode(value, { stream: true });
    }
  }
}
