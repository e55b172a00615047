// The processes of a simulated host as one of them sees them.

import type { ProcessFacts, ProcessIdentity, ProcessTable } from "../mod.ts";

/** A table that knows only its owner. */
export class SimulatedProcessTable implements ProcessTable {
  readonly bootId = "boot";
  readonly self: ProcessIdentity;

  constructor(self: ProcessIdentity) {
    this.self = self;
  }

  inspect(): ProcessFacts | null {
    return null;
  }

  descendants(): ProcessFacts[] {
    return [];
  }

  marked(): ProcessFacts[] {
    return [];
  }

  signal(): boolean {
    return false;
  }

  adoptOrphans(): boolean {
    return false;
  }

  reapOrphans(): number {
    return 0;
  }
}
