// Shows asked for by sessions: who may bring one, what a crew may do with its programs, and two hosts that get one together.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type AccessLevel, HanaError } from "../../../../lib/base/mod.ts";
import type { Node, NodeOptions } from "../../../../lib/node/mod.ts";
import type { SimulatedHost } from "../../../../lib/platform/simulated/mod.ts";
import { AccessKeyRing, type KeyRing } from "../../../../lib/security/mod.ts";
import type { Session } from "../../../../lib/session/mod.ts";
import { hanaProgram } from "../../../../lib/simulate/programs/mod.ts";
import {
  APPLY_SHOW,
  LIST_PROGRAMS,
  PREPARE_SHOW,
  type ProgramSnapshot,
  RESTART_PROGRAM,
  ROLL_OUT_SHOW,
  SHOW_STATUS,
  SHOW_TEXT,
  START_PROGRAM,
  STOP_PROGRAM,
} from "../../../../lib/supervision/mod.ts";
import { Park } from "../../node/support.ts";
import { testKey, testRing } from "../../security/support.ts";

const SECOND = 1_000_000;

class Stage {
  readonly park = new Park(9);
  readonly left = this.#host("left");
  readonly right = this.#host("right");
  #ops = 0;
  #consoles = 0;

  #host(name: string): SimulatedHost {
    const host = this.park.host(name);
    host.programs.register("hana", hanaProgram);
    host.programs.register("stays", () => {});
    return host;
  }

  serve(host: SimulatedHost, more: { allowExec?: boolean; allowApply?: boolean } = {}): Promise<Node> {
    const programs: NodeOptions["programs"] = { shim: ["hana"], warm: false, ...more };
    const name = host === this.left ? "left" : "right";
    return this.park.start(host.platform, { name, keys: testRing(1), programs });
  }

  /** A console on a third machine. */
  async console(address: string, keys: KeyRing = testRing(1)): Promise<Session> {
    const name = ++this.#consoles === 1 ? "foh" : `foh-${this.#consoles}`;
    const options = { role: "observer", name, tcpPort: null, runDirectory: null, keys } as const;
    const tool = await this.park.start(this.park.host(name).platform, options);
    return await this.park.settle(tool.open(`tcp://${address}:700`));
  }

  /** A console on the left machine. */
  async local(node: Node): Promise<Session> {
    const options = { role: "observer", name: "desk", tcpPort: null, runDirectory: null } as const;
    const tool = await this.park.start(this.left.platform, options);
    const address = node.addresses.find((each) => each.startsWith("unix:"));
    assert(address !== undefined);
    return await this.park.settle(tool.open(address));
  }

  op(): string {
    return `op-${String(++this.#ops).padStart(8, "0")}`;
  }

  apply(session: Session, generation: number, programs: Record<string, string[]>, base = generation - 1) {
    const show = { name: "tour", generation, sha256: "0".repeat(64), text: `hana: ${generation}` };
    const body = { op: this.op(), by: "anna", show, base, programs: listOf(programs) };
    return this.park.settle(session.request(APPLY_SHOW, body));
  }

  rollOut(session: Session, generation: number, names: string[]) {
    return this.park.settle(session.request(ROLL_OUT_SHOW, { by: "anna", generation, names }));
  }

  async programs(session: Session): Promise<string[]> {
    const { programs } = await this.park.settle(session.request(LIST_PROGRAMS, {}));
    return (programs as ProgramSnapshot[]).map(({ name, argv, state }) =>
      `${name}: ${argv.join(" ")} ${state}`
    );
  }
}

function listOf(programs: Record<string, string[]>): { name: string; spec: unknown; want: "up" }[] {
  return Object.entries(programs).map(([name, argv]) => ({ name, spec: { argv }, want: "up" }));
}

function holder(level: AccessLevel): AccessKeyRing {
  return new AccessKeyRing(testKey(1, "tour").accessKey({ name: "ben", level, expiresS: null }));
}

/** Whether somebody may do something; anything but `refused` is an error. */
async function may(park: Park, asked: Promise<unknown>): Promise<boolean> {
  try {
    await park.settle(asked);
    return true;
  } catch (thrown) {
    assert(thrown instanceof HanaError && thrown.code === "refused", String(thrown));
    return false;
  }
}

Deno.test("a show from another machine needs an operator, and a host that was started to take shows or command lines", async () => {
  for (const allow of ["nothing", "allowApply", "allowExec"] as const) {
    for (const level of ["viewer", "crew", "operator"] as const) {
      const stage = new Stage();
      const node = await stage.serve(stage.left, allow === "nothing" ? {} : { [allow]: true });
      // The show of before, so that there is something to read.
      await stage.apply(await stage.local(node), 1, { viz: ["stays"] });
      const session = await stage.console("10.0.0.1", holder(level));
      const programs = listOf({ viz: ["stays", "2"] });
      const show = { name: "tour", generation: 2, sha256: "0".repeat(64), text: "" };
      const did = {
        status: await may(stage.park, session.request(SHOW_STATUS, {})),
        text: await may(stage.park, session.request(SHOW_TEXT, { generation: 1 })),
        prepare: await may(stage.park, session.request(PREPARE_SHOW, { op: stage.op(), programs })),
        apply: await may(stage.park, session.request(APPLY_SHOW, { op: stage.op(), show, programs })),
        rollOut: await may(
          stage.park,
          session.request(ROLL_OUT_SHOW, {
            generation: allow !== "nothing" && level === "operator" ? 2 : 1,
            names: [],
          }),
        ),
      };
      const isOperator = level === "operator";
      const mayApply = isOperator && allow !== "nothing";
      assertEquals(
        did,
        { status: true, text: isOperator, prepare: mayApply, apply: mayApply, rollOut: mayApply },
        `${level} where ${allow} is allowed`,
      );
      const refused = node.programs?.supervisor.events({ after: 0, limit: 1000 }).events
        .filter(({ event }) => event.kind === "refused")
        .map(({ event }) => `${event.by}: ${event.detail["verb"]}`);
      const verbs = [
        ...isOperator ? [] : ["show-text"],
        ...mayApply ? [] : ["prepare-show", "apply-show", "roll-out-show"],
      ];
      assertEquals(refused, verbs.map((verb) => `ben (${level}) at foh: ${verb}`));
    }
  }
});

Deno.test("what a host that takes no shows says names the flag, and a show of its own console is taken", async () => {
  const stage = new Stage();
  const node = await stage.serve(stage.left);
  const session = await stage.console("10.0.0.1");
  const error = await assertRejects(() => stage.apply(session, 1, { viz: ["stays"] }), HanaError);
  assertEquals([error.code, error.hint], ["refused", "there: hana serve --allow-apply"]);
  const local = await stage.local(node);
  const { added } = await stage.apply(local, 1, { viz: ["stays"] });
  assertEquals(added, ["viz"]);
});

Deno.test("programs of a show are started, stopped and restarted by a crew, which may bring none of its own", async () => {
  const stage = new Stage();
  const node = await stage.serve(stage.left, { allowApply: true });
  const operator = await stage.local(node);
  await stage.apply(operator, 1, { viz: ["stays"] });
  await stage.rollOut(operator, 1, ["viz"]);
  await stage.park.world.runFor(3 * SECOND);
  const crew = await stage.console("10.0.0.1", holder("crew"));
  const call = () => ({ op: stage.op(), name: "viz" });
  for (const verb of [RESTART_PROGRAM, STOP_PROGRAM, START_PROGRAM]) {
    await stage.park.settle(crew.request(verb, call()));
    await stage.park.world.runFor(3 * SECOND);
  }
  assertEquals(await stage.programs(crew), ["viz: stays running"]);
  // A crew's restart is no new wish: the show is in force as it was.
  const { changed } = await stage.park.settle(
    operator.request(PREPARE_SHOW, { op: stage.op(), programs: listOf({ viz: ["stays"] }) }),
  );
  assertEquals(changed, []);
});

Deno.test("a show with a specification that is none, a name twice or a wrong name is refused whole", async () => {
  const stage = new Stage();
  const node = await stage.serve(stage.left);
  const session = await stage.local(node);
  const show = { name: "tour", generation: 1, sha256: "0".repeat(64), text: "" };
  const fine = listOf({ viz: ["stays"] });
  for (
    const [programs, what] of [
      [[...fine, { name: "x", spec: { argv: [] }, want: "up" as const }], /argv/],
      [[...fine, ...fine], /viz twice/],
      [[...fine, { name: "No Name", spec: { argv: ["x"] }, want: "up" as const }], /No Name/],
    ] as const
  ) {
    const call = { op: stage.op(), show, programs: [...programs] };
    const error = await assertRejects(() => stage.park.settle(session.request(APPLY_SHOW, call)), HanaError);
    assertMatch(error.message, what);
    assertEquals(await stage.programs(session), []);
  }
});

Deno.test("two hosts get a show together; one that lost power in between has the old one or the new one whole", async () => {
  const seen = new Set<string>();
  for (let delayUs = 0; delayUs <= 4_000; delayUs += 500) {
    const stage = new Stage();
    const { park } = stage;
    await stage.serve(stage.left, { allowApply: true });
    await stage.serve(stage.right, { allowApply: true });
    const left = await stage.console("10.0.0.1");
    const right = await stage.console("10.0.0.2");
    for (const session of [left, right]) {
      await stage.apply(session, 1, { a: ["stays"], b: ["stays"] });
      await stage.rollOut(session, 1, ["a", "b"]);
    }
    await park.world.runFor(3 * SECOND);
    const show = { name: "tour", generation: 2, sha256: "0".repeat(64), text: "" };
    const programs = listOf({ a: ["stays", "2"], c: ["stays"] });
    const answers = [left, right].map((session) =>
      session.request(APPLY_SHOW, { op: "op-both-hosts", show, base: 1, programs })
        .then(({ generation }) => session.request(ROLL_OUT_SHOW, { generation, names: ["a", "b", "c"] }))
        .then(() => "done", () => "lost")
    );
    await park.world.runFor(delayUs);
    stage.right.restart();
    const node = await stage.serve(stage.right, { allowApply: true });
    await park.settle(Promise.all(answers));
    await park.world.runFor(10 * SECOND);
    assertEquals(await stage.programs(left), ["a: stays 2 running", "c: stays running"]);
    const again = await stage.console("10.0.0.2");
    const generation = node.programs?.supervisor.shows()[0]?.generation;
    assertEquals(
      await stage.programs(again),
      generation === 1
        ? ["a: stays running", "b: stays running"]
        : ["a: stays 2 running", "c: stays running"],
    );
    // Whoever asks again with the same demand gets the host in line, once.
    await park.settle(
      again.request(APPLY_SHOW, { op: "op-both-hosts", show, programs, base: 1 }).catch(() => {}),
    );
    await park.world.runFor(60 * SECOND);
    assertEquals(await stage.programs(again), ["a: stays 2 running", "c: stays running"]);
    seen.add(String(generation));
    assertEquals(park.crashes, []);
  }
  assertEquals([...seen].sort(), ["1", "2"]);
});
