// What the library hands to programs: changes, facts about a path, results.
// Types alone.

import type { ParameterDefinition, StateValue } from "../model/mod.ts";
import type { OwnState, PrivilegeState } from "../messages/mod.ts";

/** A path whose value, holder or priority is another now. */
export interface StateChange {
  readonly path: string;
  /** As everybody sees it, own writes on their way included; null where the path is gone. */
  readonly value: StateValue;
  /** The number of the client whose value it is; 0 for nobody's. */
  readonly holder: number;
  /** The priority of the holder. */
  readonly priority: number;
  /** The path is there no more. */
  readonly isGone: boolean;
}

/** Hears of changes, once a batch with all of them. */
export type StateListener = (changes: readonly StateChange[]) => void;

/** Everything about a path. */
export interface ParameterInfo {
  readonly path: string;
  readonly definition: ParameterDefinition;
  readonly value: StateValue;
  /** What the host says, without own writes on their way and without fades. */
  readonly hostValue: StateValue;
  /** 0 for nobody's. */
  readonly holder: number;
  /** The holder's name where it is known: of presence. */
  readonly holderName: string | null;
  readonly priority: number;
  /** Whether this client holds it. */
  readonly isOwn: boolean;
  /** Whether a write of this client is on its way. */
  readonly isPending: boolean;
  /** Whether it is for more than two seconds. */
  readonly isAmber: boolean;
  /** Who edits it alone, itself or from above; null for nobody. */
  readonly owner: ObjectOwner | null;
}

/** Who owns an object. */
export interface ObjectOwner {
  /** Of the object that is owned: this path or one above it. */
  readonly path: string;
  /** 0 for nobody. */
  readonly client: number;
  readonly name: string | null;
  readonly state: OwnState;
  readonly generation: number;
}

/** How a value is written. */
export interface SetOptions {
  /** 1 to 200; 100 where nothing is said. */
  readonly priority?: number;
  /** Take the lock where the path has one. */
  readonly take?: boolean;
  /** The claim ends with its release, or 2.5 s after this program stopped; it is refreshed until then. */
  readonly momentary?: boolean;
}

/** How a value is written whose answer is awaited. */
export interface AwaitedSetOptions extends SetOptions {
  /** How long to wait for the acknowledgement, in microseconds; what was written stays written when it is over. */
  readonly timeoutUs?: number;
}

/** What became of a write that the host took. */
export interface SetResult {
  readonly path: string;
  /**
   * `stands`: it is what everybody sees. `shadowed`: stored, but somebody else's value stands above it. `accepted`: the host
   * has it, and it is a part of what stands (sum), waits for its turn, or a newer write of equal priority has followed.
   * `superseded`: this client wrote there again meanwhile.
   */
  readonly outcome: "stands" | "shadowed" | "accepted" | "superseded";
  /** Whether the host alone has it: it would be lost with that machine. */
  readonly single: boolean;
  /** Whose value stands; 0 for nobody's. */
  readonly holder: number;
  readonly holderName: string | null;
  readonly priority: number;
  /** For a person: who is in the way; "" where nobody is. */
  readonly text: string;
}

/** A client of the shared state, as everybody knows it. */
export interface PresentClient {
  readonly client: number;
  readonly name: string;
  /** The id of its node. */
  readonly node: string;
  /** `viewer`, `crew` or `operator`. */
  readonly level: string;
  /** `joined`, `suspect` or `suspended`. */
  readonly state: string;
  /** The paths of its objects, the first 32. */
  readonly owns: readonly string[];
  /** How many they are. */
  readonly owned: number;
  readonly privileged: boolean;
  /** Whether it is this client. */
  readonly isSelf: boolean;
}

/** Somebody came, went, or is otherwise than before. */
export interface PresenceChange {
  readonly kind: "came" | "changed" | "went";
  readonly client: PresentClient;
}

/** An object that was granted. */
export interface GrantedObject {
  readonly path: string;
  readonly generation: number;
}

/** An object that was not. */
export interface RefusedObject {
  readonly path: string;
  readonly why: string;
  /** Who owns it; 0 for nobody. */
  readonly owner: number;
  readonly ownerName: string | null;
}

/** The answer to a request about objects: some may be granted and others not. */
export interface OwnResult {
  readonly granted: readonly GrantedObject[];
  readonly refused: readonly RefusedObject[];
  /** Objects whose owners are still being asked, where the caller did not want to wait for them. */
  readonly asked: readonly RefusedObject[];
}

/** An object is owned by somebody else now, asked for, or free. */
export interface OwnershipChange {
  readonly path: string;
  readonly state: OwnState;
  /** 0 for nobody. */
  readonly owner: number;
  readonly ownerName: string | null;
  readonly isOwn: boolean;
  readonly generation: number;
}

/** Somebody asks for objects of this client. Without an answer within 5 s they go where they were idle for 30 s. */
export interface OwnRequest {
  readonly by: number;
  readonly byName: string | null;
  readonly paths: readonly string[];
  /** Gives them; all where no paths are named. */
  grant(paths?: readonly string[]): void;
  /** Keeps them. */
  refuse(paths?: readonly string[]): void;
}

/** How the privilege stands. */
export interface PrivilegeStanding {
  readonly state: PrivilegeState;
  /** 0 for nobody. */
  readonly holder: number;
  readonly holderName: string | null;
  readonly isOwn: boolean;
  readonly generation: number;
  /** Who asks, or to whom it is offered; 0 for nobody. */
  readonly other: number;
  /** Why, as the host says. */
  readonly text: string;
}

/** The answer to something about the privilege. */
export interface PrivilegeResult {
  /** Whether what was asked for happened. */
  readonly granted: boolean;
  /** Who holds it now; 0 for nobody. */
  readonly holder: number;
  readonly holderName: string | null;
  /** That under which this client holds it; 0 where it does not. */
  readonly generation: number;
  /** Why, as the host says. */
  readonly text: string;
}

/** Somebody asks for the privilege, or offers it: `accept` gives or takes it, `decline` does not. */
export interface PrivilegeRequest {
  readonly kind: "asked" | "offered";
  readonly by: number;
  readonly byName: string | null;
  accept(): Promise<PrivilegeResult>;
  decline(): void;
}
