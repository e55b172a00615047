// Asks Deno's own documentation reader which exported things have no docstring.
// Members (a field called `code`) may speak for themselves; a function, class, type or constant may not.

import { root, type Violation } from "./tree.ts";

/** The part of `deno doc --json` that is read here. */
interface Documentation {
  readonly version: 2;
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly DocSymbol[] }>>;
}

/** One name and what it stands for: a type and a constant may share it, a function may be overloaded. */
interface DocSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly location: { readonly filename: string; readonly line: number };
    readonly jsDoc?: { readonly doc?: string };
  }[];
}

/** What `entry`, a path from the checkout, exports without a docstring. */
export async function undocumentedExports(entry: string): Promise<Violation[]> {
  const reader = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", entry],
    cwd: root,
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { success, stdout, stderr } = await reader.output();
  if (!success) throw new Error(`deno doc could not read ${entry}: ${new TextDecoder().decode(stderr)}`);
  const { version, nodes } = JSON.parse(new TextDecoder().decode(stdout)) as Documentation;
  if (version !== 2) throw new Error(`deno doc writes version ${version}, this reads version 2`);
  return Object.values(nodes).flatMap(({ symbols }) => symbols).flatMap(({ name, declarations }) => {
    const [first] = declarations;
    if (first === undefined || declarations.some(({ jsDoc }) => (jsDoc?.doc ?? "") !== "")) return [];
    const path = decodeURI(new URL(first.location.filename).pathname).replace(`${root}/`, "");
    return [{ path, line: first.location.line + 1, what: `${name} is exported and has no docstring` }];
  });
}
