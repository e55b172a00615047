// What must be so about the privilege: there is one, and it goes from hand to hand by the rules.

import { assertEquals } from "@std/assert";
import { priv, type Room, type Rule, seconds, Stage } from "./support.ts";

/** Three desks; the first holds the privilege under generation 1. */
function held(room: Room) {
  const stage = new Stage(room);
  const [one, two, three] = [stage.join(1), stage.join(2), stage.join(3)];
  stage.priv(one.number, priv("request"));
  stage.words();
  const links = [one.link, two.link, three.link];
  return { stage, one, two, three, links };
}

/** Who holds it and how it stands. */
function look({ privilege: { state, holder, generation } }: Stage): string {
  return `${state} ${holder} ${generation}`;
}

export const PRIVILEGE_RULES: readonly Rule[] = [
  {
    name: "the first operator who asks is privileged, and nobody below one",
    check: (room) => {
      const stage = new Stage(room);
      const [crew, viewer, one] = [stage.join(1, "crew"), stage.join(2, "viewer"), stage.join(3)];
      for (const action of ["request", "seize"] as const) {
        stage.priv(crew.number, priv(action));
        stage.priv(viewer.number, priv(action));
      }
      assertEquals(look(stage), "none 0 0");
      stage.words();
      stage.priv(one.number, priv("request"));
      assertEquals(stage.words(), ["3 granted", "all changed"]);
      assertEquals(look(stage), "held 3 1");
      const check = (generation: number | null) => stage.host.checkStructure(one.number, generation);
      assertEquals([check(1), check(0), check(2), check(null)], [
        null,
        "generation",
        "generation",
        "generation",
      ]);
      assertEquals(stage.host.checkStructure(crew.number, 1), "privilege");
    },
  },
  {
    name: "a holder that agrees hands over under the next generation; its own is old then",
    check: (room) => {
      const { stage, one, two } = held(room);
      stage.priv(two.number, priv("request", { request: 8 }));
      assertEquals(stage.words(), ["1 requested", "all changed"]);
      assertEquals([look(stage), stage.privilege.other, stage.privilege.leftUs], [
        "asked 1 1",
        two.number,
        seconds(5),
      ]);
      assertEquals(stage.host.checkStructure(one.number, 1), null);
      stage.priv(one.number, priv("consent", { generation: 1 }));
      assertEquals(stage.said.map(({ message }) => message.request), [0, 8, 0]);
      assertEquals(stage.words(), ["1 revoked", "2 granted", "all changed"]);
      assertEquals(look(stage), "held 2 2");
      assertEquals(stage.host.checkStructure(one.number, 1), "privilege");
      stage.priv(two.number, priv("offer", { generation: 2, other: one.number }));
      stage.priv(one.number, priv("accept"));
      assertEquals(look(stage), "held 1 3");
      assertEquals(stage.host.checkStructure(one.number, 1), "generation");
    },
  },
  {
    name: "silence is a no, and so is a no",
    check: (room) => {
      const { stage, one, two, links } = held(room);
      stage.priv(two.number, priv("request"));
      stage.pass(seconds(4.9), links);
      assertEquals(look(stage), "asked 1 1");
      stage.words();
      stage.pass(seconds(0.1), links);
      assertEquals(stage.words(), ["2 denied", "all changed"]);
      assertEquals(look(stage), "held 1 1");
      stage.priv(two.number, priv("request"));
      stage.words();
      stage.priv(one.number, priv("decline", { generation: 1 }));
      assertEquals(stage.words(), ["2 denied", "all changed"]);
      assertEquals(look(stage), "held 1 1");
    },
  },
  {
    name: "what somebody says who does not hold it, or under an old generation, has no effect",
    check: (room) => {
      for (const action of ["release", "offer", "consent", "decline"] as const) {
        const { stage, one, two, three } = held(room);
        stage.priv(two.number, priv("request"));
        stage.priv(one.number, priv(action, { generation: 0, other: three.number }));
        stage.priv(three.number, priv(action, { generation: 1, other: three.number }));
        stage.priv(three.number, priv("accept"));
        stage.priv(three.number, priv("request"));
        assertEquals([look(stage), stage.privilege.other], ["asked 1 1", two.number]);
      }
    },
  },
  {
    name: "an offer is accepted, declined, forgotten or void, and only by whom it was made to",
    check: (room) => {
      const { stage, one, two, three, links } = held(room);
      const offer = () => {
        stage.priv(one.number, priv("offer", { generation: 1, other: two.number }));
        stage.words();
      };
      offer();
      stage.priv(three.number, priv("accept"));
      stage.priv(three.number, priv("decline"));
      assertEquals(look(stage), "offered 1 1");
      stage.words();
      stage.priv(two.number, priv("decline"));
      assertEquals(stage.words(), ["1 denied", "all changed"]);
      assertEquals(look(stage), "held 1 1");
      offer();
      stage.pass(seconds(5), links);
      assertEquals(look(stage), "held 1 1");
      offer();
      stage.close(two.link);
      assertEquals(look(stage), "held 1 1");
      stage.priv(one.number, priv("offer", { generation: 1, other: two.number }));
      assertEquals(look(stage), "held 1 1", "nobody is there");
      stage.priv(one.number, priv("offer", { generation: 1, other: three.number }));
      stage.priv(three.number, priv("request"));
      assertEquals(look(stage), "held 3 2", "to ask for what is offered is to accept it");
    },
  },
  {
    name: "a holder that gives it up leaves it to who asks, else to nobody",
    check: (room) => {
      for (const how of ["release", "leave"] as const) {
        for (const isAsked of [true, false]) {
          const { stage, one, two } = held(room);
          if (isAsked) stage.priv(two.number, priv("request"));
          if (how === "leave") stage.leave(one.number);
          else stage.priv(one.number, priv("release", { generation: 1 }));
          assertEquals(look(stage), isAsked ? "held 2 2" : "none 0 0");
        }
      }
    },
  },
  {
    name: "a holder that leaves while who asks is away too leaves it to nobody",
    check: (room) => {
      const stage = new Stage(room);
      const [one, two] = [stage.join(1), stage.join(2)];
      stage.close(stage.join(3).link);
      stage.priv(one.number, priv("request"));
      stage.priv(two.number, priv("request"));
      // Half of all clients go: the host suspects itself, and nobody's waiting ends yet.
      stage.close(two.link);
      assertEquals(look(stage), "asked 1 1");
      stage.leave(one.number);
      assertEquals(look(stage), "none 0 0");
      assertEquals(stage.host.privilege.nextUs(), Infinity);
    },
  },
  {
    name: "a lost holder has 15 s to come back; any operator may seize it meanwhile",
    check: (room) => {
      for (const how of ["back", "seized", "over"] as const) {
        const { stage, one, two, links } = held(room);
        stage.close(one.link);
        assertEquals([look(stage), stage.privilege.leftUs], ["grace 1 1", seconds(15)]);
        assertEquals(stage.host.privilege.check(one.number, 1), "privilege");
        stage.priv(two.number, priv("request"));
        assertEquals(look(stage), "grace 1 1");
        stage.pass(seconds(14.9), links);
        assertEquals(look(stage), "grace 1 1");
        if (how === "back") stage.join(1, "operator", one.token);
        else if (how === "seized") stage.priv(two.number, priv("seize"));
        else stage.pass(seconds(0.1), links);
        assertEquals(look(stage), { back: "held 1 1", seized: "held 2 2", over: "none 0 0" }[how]);
        if (how === "seized") {
          stage.join(1, "operator", one.token);
          assertEquals(stage.host.checkStructure(one.number, 1), "privilege");
          assertEquals(look(stage), "held 2 2");
        }
      }
    },
  },
  {
    name: "from a holder that is there it is seized where policy allows it alone",
    check: (room) => {
      for (const seizeHeld of ["operator", null] as const) {
        const stage = new Stage(room, { privilege: { hold: "operator", seizeHeld } });
        const [one, two, three] = [stage.join(1), stage.join(2), stage.join(3)];
        stage.priv(one.number, priv("seize"));
        assertEquals(look(stage), "held 1 1");
        stage.priv(three.number, priv("request"));
        stage.words();
        stage.priv(two.number, priv("seize"));
        assertEquals(look(stage), seizeHeld === null ? "asked 1 1" : "held 2 2");
        assertEquals(
          stage.words(),
          seizeHeld === null ? ["2 denied"] : ["3 denied", "1 revoked", "2 granted", "all changed"],
        );
      }
    },
  },
  {
    name:
      "the host itself gives it and takes it without anybody's consent, though not to who may not have it",
    check: (room) => {
      const { stage, one, two } = held(room);
      const crew = stage.join(4, "crew");
      const give = (to: typeof one.number) => stage.host.privilege.handleAssignment(stage.nowUs, to);
      assertEquals([give(crew.number), give(two.number), give(two.number)], [false, true, true]);
      stage.drain();
      assertEquals(look(stage), "held 2 2");
      assertEquals(stage.words(), ["1 revoked", "2 granted", "all changed"]);
      stage.host.privilege.handleRevocation(stage.nowUs, "the show is over");
      stage.drain();
      assertEquals(look(stage), "none 0 0");
      assertEquals(stage.words(), ["2 revoked", "all changed"]);
    },
  },
  {
    name: "a holder that comes back with less is privileged no more",
    check: (room) => {
      const { stage, one } = held(room);
      stage.close(one.link);
      stage.join(1, "crew", one.token);
      assertEquals(look(stage), "none 0 0");
    },
  },
];
