// A host and clients that speak single messages to it, as the tests of the session system did that hana replaces.

import { assert } from "@std/assert";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import type { LinkPeer, PresenceRow } from "../../../../lib/state/host/mod.ts";
import type {
  HelloMessage,
  OwnMessage,
  PatchMessage,
  PrivilegeMessage,
  StateMessage,
  StateMessageKind,
  WelcomeMessage,
} from "../../../../lib/state/messages/mod.ts";
import type {
  ClientNumber,
  ClientSequence,
  ParameterDefinition,
  PathId,
  StateValue,
  SubsystemNumber,
  Version,
} from "../../../../lib/state/model/mod.ts";
import { isRefusal } from "../../../../lib/state/schema/mod.ts";
import { Bench, helloOf, parameter, peerOf } from "../host/support.ts";

type Message<Kind extends StateMessageKind> = Extract<StateMessage, { readonly kind: Kind }>;

/** A client of single messages. It keeps what it is told, by path number. */
export class Raw {
  readonly heard: StateMessage[] = [];
  readonly values = new Map<PathId, StateValue>();
  readonly #versions = new Map<SubsystemNumber, Version>();
  #sequence = 0;

  constructor(private readonly server: Server, readonly link: number) {}

  /** Everything of a kind that it was told since the last look at this kind. */
  take<Kind extends StateMessageKind>(kind: Kind): Message<Kind>[] {
    const found = this.heard.filter((message): message is Message<Kind> => message.kind === kind);
    for (const message of found) this.heard.splice(this.heard.indexOf(message), 1);
    return found;
  }

  /** The welcome; there must be one. */
  welcome(): WelcomeMessage {
    const [welcome] = this.take("welcome");
    assert(welcome !== undefined, `no welcome, but ${JSON.stringify(this.heard)}`);
    return welcome;
  }

  /** The patches with something in them, since the last look. */
  patches(): PatchMessage[] {
    return this.take("patch").filter(({ entries }) => entries.length > 0);
  }

  say(message: StateMessage): void {
    this.server.bench.say(this.link, message);
    this.server.deliver();
  }

  hello(fields: Partial<HelloMessage> = {}): void {
    this.say(helloOf({ name: `client-${this.link}`, ...fields }));
  }

  set(path: string, value: StateValue, priority = 100, generation: number | null = null): number {
    this.#sequence++;
    const id = this.server.idOf(path);
    const type = this.server.typeOf(path);
    this.say({
      kind: "set",
      term: 1,
      sequence: this.#sequence as ClientSequence,
      priority,
      take: false,
      momentary: false,
      generation,
      entries: [{ id, type, value, winner: null }],
    });
    return this.#sequence;
  }

  define(path: string, generation: number | null): void {
    this.#sequence++;
    this.say({
      kind: "tx",
      term: 1,
      sequence: this.#sequence as ClientSequence,
      generation,
      guards: [],
      definitions: [parameter(path)],
      entries: [],
    });
  }

  own(action: OwnMessage["action"], paths: readonly string[], other = 0): OwnMessage[] {
    const objects = paths.map((path) => this.server.idOf(path)).sort((a, b) => a - b).map((id) => ({
      id,
      state: "free" as const,
      owner: 0 as ClientNumber,
      generation: this.server.bench.host.holding.ownership.standing(this.server.bench.nowUs, id).generation,
      leftUs: 0,
    }));
    this.take("own");
    this.say({ kind: "own", term: 1, action, request: 7, other: other as ClientNumber, objects, text: "" });
    return this.take("own");
  }

  privilege(action: PrivilegeMessage["action"], other = 0): PrivilegeMessage[] {
    this.take("priv");
    this.say({
      kind: "priv",
      term: 1,
      action,
      request: 7,
      state: "none",
      holder: 0 as ClientNumber,
      generation: this.server.bench.host.holding.privilege.generation,
      other: other as ClientNumber,
      leftUs: 0,
      text: "",
    });
    return this.take("priv");
  }

  /** Says how far it has come. */
  acknowledge(): void {
    const versions = [...this.#versions].map(([subsystem, version]) => ({ subsystem, version }));
    this.say({
      kind: "ack",
      term: 1,
      heldUs: 0,
      versions: versions.sort((a, b) => a.subsystem - b.subsystem),
    });
  }

  /** Who is there, as this client was told. */
  presence(): PresenceRow[] {
    const { book } = this.server.bench.host.document;
    return [...this.values]
      .filter(([id]) => book.pathOf(id)?.startsWith("clients/") === true)
      .map(([, value]) => value as unknown as PresenceRow)
      .filter(({ client }) => client !== 0)
      .sort((a, b) => a.client - b.client);
  }

  /** What it was told of a path. */
  valueOf(path: string): StateValue {
    return this.values.get(this.server.idOf(path)) ?? null;
  }

  hear(message: StateMessage): void {
    this.heard.push(message);
    if (message.kind !== "patch" && message.kind !== "chunk") return;
    this.#versions.set(message.subsystem, message.version);
    if (message.subsystem === 0) return;
    for (const { id, type, value } of message.entries) {
      if (type === "gone") this.values.delete(id);
      else if (type !== "definition") this.values.set(id, value);
    }
  }
}

/** The host, and everybody at it. */
export class Server {
  readonly bench: Bench;
  readonly #raws = new Map<number, Raw>();
  #links = 0;

  /** @param paths numbers from -1000 to 1000, unless a definition says otherwise. */
  constructor(paths: readonly (string | Partial<ParameterDefinition>)[] = []) {
    this.bench = new Bench({ presence: true });
    for (const path of paths) this.define(path);
    this.deliver();
  }

  define(path: string | Partial<ParameterDefinition>): PathId {
    const definition = typeof path === "string" ? parameter(path) : parameter(path.path ?? "", path);
    const defined = this.bench.host.define(this.bench.nowUs, definition);
    assert(!isRefusal(defined), JSON.stringify(defined));
    return defined.id;
  }

  /** Somebody connects, and says nothing yet. */
  connect(peer?: LinkPeer): Raw {
    const link = ++this.#links;
    const raw = new Raw(this, link);
    this.#raws.set(link, raw);
    this.bench.host.handleJoined(this.bench.nowUs, link as LinkNumber, peer ?? peerOf(link));
    return raw;
  }

  /** Somebody connects and says hello. */
  join(fields: Partial<HelloMessage> = {}, peer?: LinkPeer): Raw {
    const raw = this.connect(peer);
    raw.hello(fields);
    return raw;
  }

  /** A connection ends without a word. */
  drop(raw: Raw): void {
    this.bench.host.handleLeft(this.bench.nowUs, raw.link as LinkNumber);
    this.deliver();
  }

  /** Hands out what the host says now. */
  deliver(): void {
    for (const { to, message } of this.bench.drain()) this.#raws.get(to)?.hear(message);
  }

  /** Lets time go on; everybody acknowledges what they hear, unless told otherwise. */
  run(
    us: number,
    { acknowledging = [...this.#raws.values()] }: { acknowledging?: readonly Raw[] } = {},
  ): void {
    const endUs = this.bench.nowUs + us;
    while (this.bench.nowUs < endUs) {
      for (const { to, message } of this.bench.run(Math.min(10_000, endUs - this.bench.nowUs))) {
        this.#raws.get(to)?.hear(message);
      }
      for (const raw of acknowledging) {
        if (raw.heard.some(({ kind }) => kind === "patch" || kind === "chunk" || kind === "beat")) {
          raw.acknowledge();
        }
      }
    }
  }

  idOf(path: string): PathId {
    const id = this.bench.host.document.book.idOf(path);
    assert(id > 0, `${path} is not defined`);
    return id;
  }

  typeOf(path: string): ParameterDefinition["type"] {
    const definition = this.bench.host.document.book.definitionOf(this.idOf(path));
    assert(definition !== null);
    return definition.type;
  }

  /** The names of the subsystems that patches are of. */
  subsystemsOf(patches: readonly PatchMessage[]): string[] {
    const names = new Map([...this.bench.host.document.logs()].map(({ number, name }) => [number, name]));
    return patches.map(({ subsystem }) => names.get(subsystem) ?? `${subsystem}`);
  }

  /** Those that are there or may come back. */
  get clients(): { readonly number: number; readonly state: string }[] {
    return [...this.bench.host.holding.clients.all()].map(({ number, state }) => ({ number, state }));
  }
}
