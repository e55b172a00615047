// A measured figure, for whoever reads the output of the tests.

/** Prints one line between those of the test runner. */
export function printFigure(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`    ${text}\n`));
}
