// What the host needs to know of its clients, their rights and what they hold.
// A face alone: holding/ decides who is in, who is silent, who owns and who is privileged.

import type { NodeId } from "../../base/mod.ts";
import type {
  HelloMessage,
  NackCode,
  OwnMessage,
  PrivilegeMessage,
  StateErrorCode,
} from "../messages/mod.ts";
import type { ClientNumber, PathId } from "../model/mod.ts";

/** A client is in. */
export interface Admission {
  readonly client: ClientNumber;
  /** For its next hello, 16 bytes. */
  readonly token: Uint8Array;
  /** Whether it goes on as the client of the token that it showed. */
  readonly resumed: boolean;
  readonly maxPriority: number;
  readonly setsPerSecond: number;
  /** After so much silence it counts as lost, in microseconds. */
  readonly silenceUs: number;
}

/** A client is not let in. */
export interface AdmissionRefusal {
  readonly code: StateErrorCode;
  readonly why: string;
}

/** Why a write is not taken. */
export interface WriteRefusal {
  readonly code: NackCode;
  readonly why: string;
  /** The generation under which the path is owned now; null where nobody owns it. */
  readonly generation: number | null;
}

/** What became of a client. */
export interface HoldingEvent {
  /**
   * `suspect`: silent, its claims turn stale. `lost`: it is suspended. `returned`: it was suspected or lost, and is there.
   * `expired`: it cannot come back any more. `left`: it said goodbye.
   */
  readonly kind: "suspect" | "lost" | "returned" | "expired" | "left";
  readonly client: ClientNumber;
}

/** A message about ownership or privilege without its term. */
export type HoldingNews = Omit<OwnMessage, "term"> | Omit<PrivilegeMessage, "term">;

/** News, and for whom. */
export interface HoldingAnnouncement {
  /** One client; null for all. */
  readonly to: ClientNumber | null;
  readonly message: HoldingNews;
}

/** Clients, tokens, ownership, privilege. Synchronous, as everything here. */
export interface Holding {
  /** Somebody asks to come in over a link whose other end is `peer`. */
  handleHello(nowUs: number, peer: NodeId, hello: HelloMessage): Admission | AdmissionRefusal;
  /** Anything came from a client. */
  handleHeard(nowUs: number, client: ClientNumber): void;
  /** The link of a client has closed without a goodbye. */
  handleLinkLost(nowUs: number, client: ClientNumber): void;
  /** A client says goodbye. */
  handleLeave(nowUs: number, client: ClientNumber): void;
  /** A client speaks of ownership or privilege. */
  handleMessage(nowUs: number, client: ClientNumber, message: OwnMessage | PrivilegeMessage): void;
  /** A path is gone. */
  handleRemoval(nowUs: number, path: PathId): void;
  handleTimeout(nowUs: number): void;
  /** When it wants `handleTimeout`, in microseconds; Infinity for never. */
  deadlineUs(): number;
  /** Whether a client may send one more message with values; null when it may. */
  checkRate(nowUs: number, client: ClientNumber): WriteRefusal | null;
  /** Whether a client may write to a path; null when it may. */
  checkWrite(
    nowUs: number,
    client: ClientNumber,
    path: PathId,
    generation: number | null,
  ): WriteRefusal | null;
  /** Whether a client may change structure; null when it may. */
  checkTransaction(nowUs: number, client: ClientNumber, generation: number | null): WriteRefusal | null;
  pollEvent(): HoldingEvent | null;
  pollAnnouncement(): HoldingAnnouncement | null;
  /** All that a standby has to have, as plain data. */
  snapshot(nowUs: number): unknown;
}
