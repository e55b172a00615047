// What hana knows of a command beyond what the parser does: examples, and whether it is hidden.
// Loads nothing, so that `hana version` can use it without the parser.

/** A call that works as it stands, and what it is for. */
export interface Example {
  readonly call: string;
  readonly why: string;
}

const examplesOf = new WeakMap<object, readonly Example[]>();
const hiddenCommands = new WeakSet<object>();

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
