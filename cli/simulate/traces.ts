// The traces of many runs as one file: each worker writes its run's facts to a piece, the pieces are joined in order.
// Decides the order (by scenario as given, then by seed), so that the same call gives the same file.

import type { RunResult } from "../../lib/simulate/mod.ts";
import { identityOf } from "../../lib/simulate/mod.ts";
import { document } from "../output/mod.ts";
import { type OutputFile, writeWhole } from "./outputs.ts";

interface Piece {
  readonly path: string;
  readonly order: number;
  readonly seed: number;
  result: RunResult | null;
}

/** The pieces of one trace. */
export class Traces implements Disposable {
  readonly #file: OutputFile;
  readonly #directory: string;
  readonly #pieces = new Map<string, Piece>();

  constructor(file: OutputFile) {
    this.#file = file;
    this.#directory = Deno.makeTempDirSync({ prefix: "hana-trace-" });
  }

  /** Where a run's facts go. `order` is the scenario's place among all of them. */
  pieceFor(order: number, seed: number): string {
    const path = `${this.#directory}/${order}-${seed}`;
    this.#pieces.set(path, { path, order, seed, result: null });
    return path;
  }

  /** A run has ended: its piece belongs to the trace. */
  done(order: number, result: RunResult): void {
    const piece = this.#pieces.get(`${this.#directory}/${order}-${result.seed}`);
    if (piece !== undefined) piece.result = result;
  }

  /** Joins all pieces of runs that ended; each begins with a line that says which run it is. Throws `storage`. */
  write(): void {
    const pieces = [...this.#pieces.values()].sort((a, b) => a.order - b.order || a.seed - b.seed);
    this.#file.writeAll((file) => {
      for (const { path, result } of pieces) {
        if (result === null) continue;
        const { scenario, hash, seed, software, verdict } = result;
        const head = document("simulate.trace", {
          identity: identityOf(result),
          ...{ scenario, hash, seed, software, verdict, digest: result.digest },
        });
        writeWhole(file, new TextEncoder().encode(JSON.stringify(head) + "\n"));
        copy(path, file);
      }
    });
  }

  /** Removes the pieces. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function copy(path: string, to: Deno.FsFile): void {
  using from = Deno.openSync(path);
  const buffer = new Uint8Array(1 << 20);
  for (let n = from.readSync(buffer); n !== null; n = from.readSync(buffer)) {
    writeWhole(to, buffer.subarray(0, n));
  }
}
