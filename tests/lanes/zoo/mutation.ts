// A bug to plant. Decides nothing.

/** A bug that others had, or that we could have, as a change of one place. */
export interface Mutation {
  readonly id: string;
  /** What failed elsewhere, or what would fail here. */
  readonly elsewhere: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}
