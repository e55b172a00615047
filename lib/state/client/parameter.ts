// One path with the type of its values, as a program holds it.
// Decides nothing: the client does. The type is what the program says it is; the host checks every write all the same.

import type { StateValue } from "../model/mod.ts";
import type { WriteAnswer } from "../replica/mod.ts";
import type { AwaitedSetOptions, ParameterInfo, SetOptions, SetResult, StateChange } from "./types.ts";

/** What a parameter needs of its client. */
export interface ParameterOwner {
  get(path: string): StateValue;
  info(path: string): ParameterInfo;
  set(path: string, value: unknown, options?: AwaitedSetOptions): Promise<SetResult>;
  trySet(path: string, value: unknown, options?: SetOptions): WriteAnswer;
  claim(path: string, options?: AwaitedSetOptions): Promise<SetResult>;
  release(path: string): Promise<SetResult>;
  subscribe(
    paths: string | readonly string[],
    listener: (changes: readonly StateChange[]) => void,
    options?: { readonly initial?: boolean },
  ): () => void;
}

/** A path whose values are `T`. */
export class Parameter<T> {
  readonly path: string;
  readonly #owner: ParameterOwner;

  constructor(owner: ParameterOwner, path: string) {
    this.#owner = owner;
    this.path = path;
  }

  /** The effective value; null where the path is not there. */
  get value(): T | null {
    return this.#owner.get(this.path) as T | null;
  }

  /** Everything about it. Throws `not-found`. */
  get info(): ParameterInfo {
    return this.#owner.info(this.path);
  }

  /** As {@linkcode StateClient.set}. */
  set(value: T, options?: AwaitedSetOptions): Promise<SetResult> {
    return this.#owner.set(this.path, value, options);
  }

  /** As {@linkcode StateClient.trySet}. */
  trySet(value: T, options?: SetOptions): WriteAnswer {
    return this.#owner.trySet(this.path, value, options);
  }

  /** As {@linkcode StateClient.claim}. */
  claim(options?: AwaitedSetOptions): Promise<SetResult> {
    return this.#owner.claim(this.path, options);
  }

  /** As {@linkcode StateClient.release}. */
  release(): Promise<SetResult> {
    return this.#owner.release(this.path);
  }

  /** Has `listener` told when value, holder or priority change. Returns how to stop it. */
  subscribe(
    listener: (value: T | null, change: StateChange) => void,
    options?: { readonly initial?: boolean },
  ): () => void {
    return this.#owner.subscribe(this.path, (changes) => {
      // A subscription hears of what lies below its path too.
      for (const change of changes) {
        if (change.path === this.path) listener(change.value as T | null, change);
      }
    }, options);
  }
}
