// The messages of shared state as programs see them.
// Decides their fields and what each may be left without (null); encoder.ts and decoder.ts decide the bytes.
// Never decides who may send what when.

import type { NodeId } from "../../base/mod.ts";
import type {
  ClientNumber,
  ClientSequence,
  ParameterDefinition,
  PathId,
  RateClass,
  StateEpoch,
  StateValue,
  SubsystemNumber,
  ValueType,
  Version,
} from "../model/mod.ts";
import type {
  BeatState,
  ByeReason,
  LeaveTime,
  NackCode,
  OwnAction,
  OwnState,
  PrivilegeAction,
  PrivilegeState,
  ResyncReason,
  StateErrorCode,
} from "./words.ts";

export type { SubsystemNumber } from "../model/mod.ts";

/** The book of definitions: its entries are of type `definition`, under the id of the path that each defines. */
export const BOOK_SUBSYSTEM = 0 as SubsystemNumber;

/**
 * What stands beside an id on the wire. `gone` has no value: the path is deleted (patch, chunk, transaction), or the
 * client gives its claim up (set). `definition` occurs in {@linkcode BOOK_SUBSYSTEM} and transactions alone.
 */
export type EntryType = ValueType | "definition" | "gone";

/** 64 bits as two numbers. */
export interface Digest64 {
  readonly high: number;
  readonly low: number;
}

/** Whose value it is, and with which priority; client 0 with priority 0 is nobody's. */
export interface EntryWinner {
  readonly holder: ClientNumber;
  readonly priority: number;
}

/** A value of a path. */
export type WireEntry =
  | {
    readonly id: PathId;
    readonly type: ValueType;
    readonly value: StateValue;
    /** From host to client where it changed (in chunks: where somebody holds it); null where it did not. */
    readonly winner: EntryWinner | null;
  }
  | {
    readonly id: PathId;
    readonly type: "definition";
    readonly value: ParameterDefinition;
    readonly winner: null;
  }
  | {
    readonly id: PathId;
    readonly type: "gone";
    readonly value: null;
    readonly winner: EntryWinner | null;
  };

/** The version that somebody has of a subsystem. */
export interface SubsystemVersion {
  readonly subsystem: SubsystemNumber;
  readonly version: Version;
}

/** What a client wants to hear of. */
export interface Interest {
  /** A path, or the beginning of paths up to a `/`; "" is everything. */
  readonly prefix: string;
  readonly rate: RateClass;
  /** At most so many patches a second; 0 is what the class allows. */
  readonly maxHz: number;
}

/** What a client wrote is in the host's state. */
export interface WriteAck {
  /** Everything up to here. */
  readonly sequence: ClientSequence;
  /** Whether the host alone has it: there is no standby, or none has confirmed. */
  readonly single: boolean;
}

/** Client to host, first of all: who comes, what it has, what it wants. */
export interface HelloMessage {
  readonly kind: "hello";
  readonly protocol: number;
  /** As people see it, 63 bytes at most. */
  readonly name: string;
  /** The token of the last welcome, 16 bytes, to go on as the client of then. */
  readonly token: Uint8Array | null;
  /** The epoch to which `have` belongs; null when it has nothing. */
  readonly epoch: StateEpoch | null;
  readonly have: readonly SubsystemVersion[];
  readonly interests: readonly Interest[];
  /** Words for what it can beyond this version of the protocol. */
  readonly capabilities: readonly string[];
}

/** A subsystem in a welcome, and how its entries will come. */
export interface SubsystemPlan {
  readonly subsystem: SubsystemNumber;
  readonly name: string;
  readonly version: Version;
  /** So many chunks follow; 0 when a patch from what the client has is all that it needs. */
  readonly chunks: number;
}

/** Host to client: it is in. */
export interface WelcomeMessage {
  readonly kind: "welcome";
  readonly epoch: StateEpoch;
  readonly client: ClientNumber;
  /** For the next hello, 16 bytes. */
  readonly token: Uint8Array;
  /** Whether it goes on as the client of its token. */
  readonly resumed: boolean;
  /** What the host has of it: the client goes on with the write after it. */
  readonly ack: WriteAck;
  /** The host's clock in microseconds. */
  readonly nowUs: number;
  readonly limits: {
    readonly setsPerSecond: number;
    readonly maxPatchHz: number;
    /** The highest priority that this client may use. */
    readonly maxPriority: number;
    /** After so much silence the host takes it for lost, in microseconds. */
    readonly silenceUs: number;
  };
  readonly plans: readonly SubsystemPlan[];
  /** Paths whose claims it has lost to others meanwhile, ascending. */
  readonly takenOver: readonly PathId[];
}

/** Host to client: a part of a subsystem whole, as of `version`. */
export interface ChunkMessage {
  readonly kind: "chunk";
  readonly term: number;
  readonly subsystem: SubsystemNumber;
  readonly version: Version;
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** That of the resync which it answers. */
  readonly nonce: number | null;
  /** Of the subsystem at `version`; with the last chunk. */
  readonly digest: Digest64 | null;
  readonly entries: readonly WireEntry[];
}

/** Client to host: values, or claims given up. All are of one priority. */
export interface SetMessage {
  readonly kind: "set";
  readonly term: number;
  readonly sequence: ClientSequence;
  /** 0 gives the claims up: then all entries are `gone`, else none is. */
  readonly priority: number;
  /** Take the lock where the path has one. */
  readonly take: boolean;
  /** The claim ends unless refreshed within its lease. */
  readonly momentary: boolean;
  /** That under which the client owns what it writes to. */
  readonly generation: number | null;
  readonly entries: readonly WireEntry[];
}

/** What must still be true for a transaction to happen. */
export type Guard =
  | { readonly on: "subsystem"; readonly subsystem: SubsystemNumber; readonly version: Version }
  | { readonly on: "path"; readonly id: PathId; readonly version: Version };

/** Client to host: changes of structure, all or none. */
export interface TransactionMessage {
  readonly kind: "tx";
  readonly term: number;
  readonly sequence: ClientSequence;
  readonly generation: number | null;
  readonly guards: readonly Guard[];
  /** Paths to be made; the host gives their ids. */
  readonly definitions: readonly ParameterDefinition[];
  /** Values to be put, definitions to be changed, paths to be deleted. */
  readonly entries: readonly WireEntry[];
}

/** Host to client: what a write met with. */
export interface NackMessage {
  readonly kind: "nack";
  readonly term: number;
  /** 0 where it is about what the client left to be written when it goes. */
  readonly sequence: ClientSequence;
  readonly code: NackCode;
  /** The path concerned; null for the whole message. */
  readonly id: PathId | null;
  /** The generation under which it is owned now. */
  readonly generation: number | null;
  /** How the path stands. */
  readonly current: WireEntry | null;
  /** For a person, 255 bytes at most. */
  readonly text: string;
}

/** Host to client: everything of a subsystem that changed after `base` up to `version`. */
export interface PatchMessage {
  readonly kind: "patch";
  readonly term: number;
  readonly subsystem: SubsystemNumber;
  readonly base: Version;
  /** Not below `base`; equal to it where the patch carries nothing but an acknowledgement. */
  readonly version: Version;
  readonly ack: WriteAck | null;
  /** That of the resync which it answers. */
  readonly nonce: number | null;
  /** Of the subsystem at `version`. */
  readonly digest: Digest64 | null;
  readonly entries: readonly WireEntry[];
}

/** Client to host: what has arrived. */
export interface AckMessage {
  readonly kind: "ack";
  readonly term: number;
  /** How long the client held the newest of them before it sent this, in microseconds: the rest is travel. */
  readonly heldUs: number;
  readonly versions: readonly SubsystemVersion[];
}

/** Client to host: entries of a subsystem again. */
export interface ResyncMessage {
  readonly kind: "resync";
  readonly term: number;
  readonly subsystem: SubsystemNumber;
  /** 0 to have everything. */
  readonly have: Version;
  /** u32; comes back with the answer. */
  readonly nonce: number;
  readonly reason: ResyncReason;
  /** What the client has, where the digests differ. */
  readonly digest: Digest64 | null;
  /** Those of its sixteen parts, to find the entry that differs; none or sixteen. */
  readonly buckets: readonly Digest64[];
}

/** Where a subsystem stands. */
export interface SubsystemBeat extends SubsystemVersion {
  /** At that version; null while it changes all the time. */
  readonly digest: Digest64 | null;
}

/** Both ways: a sign of life that tells where everything stands. */
export interface BeatMessage {
  readonly kind: "beat";
  readonly epoch: StateEpoch;
  /** The sender's clock in microseconds. */
  readonly nowUs: number;
  readonly state: BeatState;
  /** From the host: what it has of the client. From a client: the last that it wrote, `single` false. */
  readonly ack: WriteAck | null;
  readonly versions: readonly SubsystemBeat[];
}

/** How an object stands. */
export interface ObjectStanding {
  readonly id: PathId;
  readonly state: OwnState;
  /** 0 for nobody. */
  readonly owner: ClientNumber;
  readonly generation: number;
  /** Until a question or a grace ends, in microseconds; 0 where nothing runs. */
  readonly leftUs: number;
}

/** Both ways: who owns which objects. */
export interface OwnMessage {
  readonly kind: "own";
  readonly term: number;
  readonly action: OwnAction;
  /** The requester's number of the request; 0 in news to everybody. */
  readonly request: number;
  /** To whom it is transferred, or who requests; 0 for nobody. */
  readonly other: ClientNumber;
  /** In a client's message only `id` and `generation` count. Ids ascend. */
  readonly objects: readonly ObjectStanding[];
  /** For a person, 255 bytes at most. */
  readonly text: string;
}

/** Both ways: who is the privileged client. */
export interface PrivilegeMessage {
  readonly kind: "priv";
  readonly term: number;
  readonly action: PrivilegeAction;
  readonly request: number;
  readonly state: PrivilegeState;
  /** 0 for nobody. */
  readonly holder: ClientNumber;
  readonly generation: number;
  /** Who asks, or to whom it is offered; 0 for nobody. */
  readonly other: ClientNumber;
  readonly leftUs: number;
  readonly text: string;
}

/** Both ways: the end of a membership. From a client it is a clean leave: what it held is released at once. */
export interface ByeMessage {
  readonly kind: "bye";
  readonly term: number;
  readonly reason: ByeReason;
  /** Who hosts from now on, as far as known. */
  readonly successor: NodeId | null;
  readonly text: string;
}

/** Both ways: something that should not have been said. */
export interface ErrorMessage {
  readonly kind: "error";
  /** 0 where there is none yet. */
  readonly term: number;
  readonly code: StateErrorCode;
  /** For a person, 255 bytes at most. */
  readonly text: string;
}

/** Something to be written in a client's name when it goes. */
export interface LeaveEntry {
  readonly at: LeaveTime;
  readonly id: PathId;
  /** 0 gives the claim up: then its type is `gone`. */
  readonly priority: number;
  readonly type: ValueType | "gone";
  readonly value: StateValue;
}

/** Client to host: what to write when it goes, in place of all that it said so before. */
export interface LeaveMessage {
  readonly kind: "leave";
  readonly term: number;
  readonly operations: readonly LeaveEntry[];
}

/** A subsystem and what it is called. */
export interface SubsystemName {
  readonly subsystem: SubsystemNumber;
  readonly name: string;
}

/** Host to client: subsystems that began after its welcome, before anything else is said of them. */
export interface NamesMessage {
  readonly kind: "names";
  readonly term: number;
  /** One at least; numbers ascend. */
  readonly subsystems: readonly SubsystemName[];
}

/** A message of the state protocol. */
export type StateMessage =
  | HelloMessage
  | WelcomeMessage
  | ChunkMessage
  | SetMessage
  | TransactionMessage
  | NackMessage
  | PatchMessage
  | AckMessage
  | ResyncMessage
  | BeatMessage
  | OwnMessage
  | PrivilegeMessage
  | ByeMessage
  | ErrorMessage
  | LeaveMessage
  | NamesMessage;

/** What a message is. */
export type StateMessageKind = StateMessage["kind"];
