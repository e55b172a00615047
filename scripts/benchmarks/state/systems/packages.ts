// Packages of npm that are compared with: they are none of hana's own, and stand beside the bundled driver (../tools.ts).
// Decides that they are loaded by name at run time, so that neither the lock nor the type check knows them.

/** A package's exports, as whoever asks for it says they are. */
export async function load<T>(name: string): Promise<T> {
  const loaded = await import(name) as { readonly default?: unknown } & Record<string, unknown>;
  // A CommonJS package shows what it exports under `default`.
  return { ...(typeof loaded.default === "object" ? loaded.default : {}), ...loaded } as T;
}
