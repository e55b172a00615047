// What hana knows of a command beyond what the parser does: examples, and whether it is hidden.
// Loads nothing, so that `hana version` can use it without the parser.

/** A call that works as it stands, and what it is for. */
export interface Example {
  readonly call: string;
  readonly why: string;
}

const examplesOf = new WeakMap<object, readonly Example[]>();
const hiddenCommands = new WeakSet<object>();
const wordsTogether = new WeakMap<object, string>();

/** Gives a command its examples; every visible command has at least two. */
export function setExamples(command: object, ...examples: readonly Example[]): void {
  examplesOf.set(command, examples);
}

/** The examples of a command. */
export function getExamples(command: object): readonly Example[] {
  return examplesOf.get(command) ?? [];
}

/** Keeps a command out of help and completions. */
export function hide(command: object): void {
  hiddenCommands.add(command);
}

/** Whether a command is kept out of help and completions. */
export function isHiddenCommand(command: object): boolean {
  return hiddenCommands.has(command);
}

/** Lets a command stand on one line with its neighbours of the same words where all commands are listed. */
export function standTogether(command: object, words: string): void {
  wordsTogether.set(command, words);
}

/** The words under which a command stands with its neighbours; null for one that stands alone. */
export function getTogether(command: object): string | null {
  return wordsTogether.get(command) ?? null;
}
