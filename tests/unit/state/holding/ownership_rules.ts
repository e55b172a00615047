// What must be so about owned objects: grants, asks, graces, fences.

import { assert, assertEquals } from "@std/assert";
import { client, idOf, own, path, priv, type Room, type Rule, seconds, Stage } from "./support.ts";

const A = idOf("a");

/** Two desks; the first owns `a`. */
function owned(room: Room) {
  const stage = new Stage(room);
  const [one, two, three] = [stage.join(1), stage.join(2), stage.join(3)];
  stage.own(one.number, own("request", [A]));
  const { generation } = stage.standing(A);
  stage.words();
  stage.kinds();
  return { stage, one, two, three, generation };
}

export const OWNERSHIP_RULES: readonly Rule[] = [
  {
    name: "the first who asks owns a free object with all below it, and everybody hears it",
    check: (room) => {
      const stage = new Stage(room);
      const { number } = stage.join(1);
      const other = stage.join(2);
      stage.own(number, own("request", [A]));
      assertEquals(stage.words(), ["all changed", "1 answer"]);
      assertEquals(stage.standing(A), { id: A, state: "owned", owner: number, generation: 1, leftUs: 0 });
      assertEquals(stage.standing(idOf("a/b/c")).owner, number);
      assertEquals(stage.standing(idOf("ab")).owner, 0);
      assertEquals(stage.write(number, idOf("a/b/c"), 1), null);
      assertEquals(stage.write(other.number, idOf("a/b/c"), null), "owner");
      assertEquals(stage.write(other.number, idOf("ab"), null), null);
    },
  },
  {
    name: "a write must carry the generation of the owned object, and none where nothing is owned",
    check: (room) => {
      const { stage, one, generation } = owned(room);
      assertEquals(stage.write(one.number, A, null), "generation");
      assertEquals(stage.write(one.number, A, generation - 1), "generation");
      assertEquals(stage.write(one.number, A, generation + 1), "generation");
      assertEquals(stage.write(one.number, A, generation), null);
      assertEquals(stage.write(one.number, idOf("e"), generation), "generation");
      stage.own(one.number, own("request", [idOf("e")]));
      assertEquals(
        stage.write(one.number, A, generation + 1),
        null,
        "a newer grant of its own is good as well",
      );
    },
  },
  {
    name: "an object that went away and came back refuses writes of before",
    check: (room) => {
      const { stage, one, two, generation } = owned(room);
      stage.own(one.number, own("transfer", [A], { generation, other: two.number }));
      assertEquals(stage.write(one.number, A, generation), "owner");
      const next = stage.standing(A).generation;
      assertEquals(next, generation + 1);
      stage.own(two.number, own("transfer", [A], { generation: next, other: one.number }));
      assertEquals(stage.write(one.number, A, generation), "generation");
      assertEquals(stage.write(one.number, A, next + 1), null);
      stage.own(one.number, own("release", [A], { generation: next + 1 }));
      assertEquals(stage.write(one.number, A, next + 1), "generation");
    },
  },
  {
    name: "some objects of a request are granted and others not, and the answer tells which",
    check: (room) => {
      const { stage, two } = owned(room);
      stage.own(two.number, own("request", [idOf("a/b"), idOf("e"), path(99)], { request: 7 }));
      const answers = stage.said.flatMap(({ to, message }) =>
        to === two.number && message.kind === "own" && message.request === 7
          ? [[
            message.action,
            message.other,
            message.text,
            ...message.objects.map(({ id, owner }) => [id, owner]),
          ]]
          : []
      );
      assertEquals(answers, [
        ["answer", 0, "a above it is owned", [idOf("a/b"), 1]],
        ["answer", 0, "", [idOf("e"), 2]],
        ["answer", 0, "there is no such object", [99, 0]],
      ] as never);
    },
  },
  {
    name: "nobody owns above what somebody else owns; one's own becomes a part",
    check: (room) => {
      const stage = new Stage(room);
      const [one, two] = [stage.join(1), stage.join(2)];
      stage.own(one.number, own("request", [idOf("a/b/c")]));
      stage.own(two.number, own("request", [A]));
      stage.own(two.number, own("steal", [A]));
      assertEquals(stage.standing(A).owner, 0);
      stage.said.length = 0;
      stage.own(one.number, own("request", [A]));
      assertEquals(stage.standing(A).owner, one.number);
      assertEquals(stage.host.ownership.size, 1);
      const [news] = stage.said;
      assert(news?.message.kind === "own");
      assertEquals(news.message.objects.map(({ id, owner }) => [id, owner]), [[A, 1], [idOf("a/b/c"), 0]]);
      stage.own(one.number, own("request", [idOf("a/d")]));
      assertEquals(stage.host.ownership.size, 1, "it is owned from above");
      stage.own(one.number, own("release", [idOf("a/d")], { generation: 2 }));
      assertEquals(stage.standing(A).owner, one.number, "what lies below cannot be given up alone");
    },
  },
  {
    name: "a client that asks too often hears so, and nobody else hears anything of it",
    check: (room) => {
      const stage = new Stage(room);
      const { number, link } = stage.join(1);
      const other = stage.join(2);
      for (let at = 0; at < room.WISHES_AT_ONCE; at++) stage.own(number, own("ask", [A]));
      stage.words();
      stage.own(number, own("request", [A]));
      stage.priv(number, priv("request"));
      assertEquals(stage.words(), ["1 answer", "1 denied"]);
      stage.own(other.number, own("request", [idOf("e")]));
      assertEquals(stage.standing(idOf("e")).owner, other.number);
      stage.pass(seconds(1), [link, other.link]);
      let granted = 0;
      for (let at = 0; at < 30; at++) {
        stage.own(number, own(at % 2 === 0 ? "request" : "release", [A], stage.standing(A)));
        granted += stage.words().includes("all changed") ? 1 : 0;
      }
      assertEquals(granted, room.WISHES_PER_SECOND);
      assertEquals(stage.host.tooManyWishes, 12);
    },
  },
  {
    name: "generations of the next reign are above all of the last one, given back ones among them",
    check: (room) => {
      const { stage, one, generation } = owned(room);
      stage.own(one.number, own("release", [A], { generation }));
      const next = new Stage(room);
      next.host.handleReign(next.nowUs, stage.host.copyAll());
      const { number } = next.join(1, "operator", one.token);
      next.own(number, own("request", [A]));
      assertEquals(next.standing(A).generation, generation + 1);
    },
  },
  {
    name: "an answer names an object once, though it answers two requests of one number",
    check: (room) => {
      const { stage, two } = owned(room);
      stage.own(two.number, own("request", [A], { request: 4 }));
      stage.said.length = 0;
      stage.own(two.number, own("steal", [A], { request: 4 }));
      const answers = stage.said.flatMap(({ message }) =>
        message.kind === "own" && message.action === "answer" ? [message.objects.length] : []
      );
      assertEquals(answers, [1]);
    },
  },
  {
    name: "what begins with the same letters does not lie below",
    check: (room) => {
      const stage = new Stage(room);
      const [one, two] = [stage.join(1), stage.join(2)];
      stage.own(one.number, own("request", [idOf("a/b")]));
      stage.own(two.number, own("request", [idOf("ab")]));
      stage.own(one.number, own("request", [A]));
      assertEquals([stage.standing(A).owner, stage.standing(idOf("ab")).owner], [one.number, two.number]);
    },
  },
  {
    name: "what a client of the last reign owned is free after a minute, even where the client is unknown",
    check: (room) => {
      const { stage, generation } = owned(room);
      const next = new Stage(room);
      next.host.handleReign(next.nowUs, { ...stage.host.copyAll(), clients: [] });
      next.pass(seconds(59.9));
      assertEquals([next.standing(A).state, next.standing(A).generation], ["grace", generation]);
      next.pass(seconds(0.1));
      assertEquals(next.standing(A).state, "free");
      assertEquals(next.words(), ["all changed"]);
    },
  },
  {
    name: "an owner that agrees loses the object to who asked, under the next generation",
    check: (room) => {
      const { stage, one, two, generation } = owned(room);
      stage.own(two.number, own("request", [A], { request: 5 }));
      assertEquals(stage.words(), ["all changed", "2 answer", "1 requested"]);
      assertEquals(stage.standing(A).state, "asked");
      assertEquals(stage.standing(A).leftUs, seconds(5));
      assertEquals(stage.write(one.number, A, generation), null);
      stage.own(one.number, own("consent", [A], { generation }));
      assertEquals(stage.words(), ["all changed", "2 answer", "1 answer"]);
      assertEquals(stage.standing(A), { id: A, state: "owned", owner: two.number, generation: 2, leftUs: 0 });
    },
  },
  {
    name: "an owner that refuses, or is at work and silent for 5 s, keeps the object",
    check: (room) => {
      const { stage, one, two, three, generation } = owned(room);
      const links = [one.link, two.link, three.link];
      stage.own(two.number, own("request", [A]));
      stage.own(three.number, own("request", [A]));
      stage.own(one.number, own("refuse", [A], { generation }));
      assertEquals(stage.standing(A).state, "owned");
      stage.own(two.number, own("request", [A]));
      stage.words();
      stage.pass(seconds(4.9), links);
      assertEquals(stage.standing(A).state, "asked");
      stage.pass(seconds(0.1), links);
      assertEquals(stage.words(), ["all changed", "2 answer"]);
      assertEquals([stage.standing(A).state, stage.standing(A).owner], ["owned", one.number]);
    },
  },
  {
    name: "an owner that has not written for 30 s and does not answer loses the object",
    check: (room) => {
      for (const [idle, winner] of [[24, client(1)], [26, client(2)]] as const) {
        const { stage, one, two, three, generation } = owned(room);
        const links = [one.link, two.link, three.link];
        stage.pass(seconds(40), links);
        assertEquals(stage.write(one.number, A, generation), null);
        stage.pass(seconds(idle), links);
        stage.own(two.number, own("request", [A]));
        stage.pass(seconds(5.1), links);
        assertEquals(stage.standing(A).owner, winner);
      }
    },
  },
  {
    name: "an object is stolen by who may, from who holds it, whoever waits",
    check: (room) => {
      for (const steal of ["crew", "operator", null] as const) {
        const stage = new Stage(room, { ownership: { own: "crew", steal } });
        const [one, two, three] = [stage.join(1, "crew"), stage.join(2, "crew"), stage.join(3, "crew")];
        stage.own(one.number, own("request", [A]));
        stage.own(two.number, own("request", [A]));
        stage.words();
        stage.own(three.number, own("steal", [A]));
        assertEquals(stage.standing(A).owner, steal === "crew" ? three.number : one.number);
        if (steal === "crew") assertEquals(stage.words(), ["all changed", "2 answer", "3 answer"]);
      }
    },
  },
  {
    name: "a viewer owns nothing, be it asked, stolen or given",
    check: (room) => {
      const { stage, one, generation } = owned(room);
      const viewer = stage.join(4, "viewer");
      stage.own(viewer.number, own("request", [idOf("e")]));
      stage.own(viewer.number, own("steal", [A]));
      stage.own(one.number, own("transfer", [A], { generation, other: viewer.number }));
      stage.own(one.number, own("transfer", [A], { generation, other: 77 }));
      assertEquals([stage.standing(A).owner, stage.standing(idOf("e")).owner], [one.number, 0]);
      const back = stage.join(1, "viewer", one.token);
      assert(back.resumed);
      assertEquals(stage.standing(A).owner, 0, "who comes back with less keeps nothing");
    },
  },
  {
    name: "what an owner says under an old generation has no effect",
    check: (room) => {
      for (const action of ["release", "transfer", "consent", "refuse"] as const) {
        const { stage, one, two, generation } = owned(room);
        stage.own(two.number, own("request", [A]));
        const message = { generation: generation - 1, other: two.number };
        stage.own(one.number, own(action, [A], message));
        assertEquals(stage.standing(A).state, "asked");
        stage.own(two.number, own(action, [A], { ...message, generation }));
        assertEquals(stage.standing(A).state, "asked", "nor what others say");
      }
    },
  },
  {
    name: "a lost owner's objects wait a minute for it and no longer",
    check: (room) => {
      const { stage, one, two, three, generation } = owned(room);
      const links = [two.link, three.link];
      stage.close(one.link);
      assertEquals(stage.standing(A), {
        id: A,
        state: "grace",
        owner: 1 as never,
        generation,
        leftUs: seconds(60),
      });
      stage.pass(seconds(59), links);
      const back = stage.join(1, "operator", one.token);
      assertEquals(stage.standing(A).state, "owned");
      assertEquals(stage.write(one.number, A, generation), null);
      stage.close(back.link);
      stage.words();
      stage.pass(seconds(59.9), links);
      assertEquals(stage.standing(A).state, "grace");
      stage.pass(seconds(0.1), links);
      assertEquals(stage.words(), ["all changed"]);
      assertEquals(stage.standing(A).state, "free");
      assertEquals(stage.write(two.number, A, null), null);
    },
  },
  {
    name: "an object in grace goes at once to who asks, or to who waited already",
    check: (room) => {
      for (const isWaiting of [true, false]) {
        const { stage, one, two, generation } = owned(room);
        if (isWaiting) stage.own(two.number, own("request", [A]));
        stage.close(one.link);
        if (!isWaiting) stage.own(two.number, own("request", [A]));
        assertEquals([stage.standing(A).owner, stage.standing(A).state], [two.number, "owned"]);
        stage.join(1, "operator", one.token);
        assertEquals(stage.write(one.number, A, generation), "owner");
        assertEquals(stage.standing(A).owner, two.number);
      }
    },
  },
  {
    name: "who leaves or gives up leaves the object to who waits, else to nobody, at once",
    check: (room) => {
      for (const how of ["leave", "release"] as const) {
        for (const isWaiting of [true, false]) {
          const { stage, one, two, generation } = owned(room);
          if (isWaiting) stage.own(two.number, own("request", [A]));
          if (how === "leave") stage.leave(one.number);
          else stage.own(one.number, own("release", [A], { generation }));
          assertEquals(stage.standing(A).owner, isWaiting ? two.number : 0);
        }
      }
    },
  },
  {
    name: "who waited and is lost waits no more",
    check: (room) => {
      const { stage, two, three } = owned(room);
      stage.own(two.number, own("request", [A]));
      stage.close(two.link);
      assertEquals(stage.standing(A).state, "owned");
      stage.own(three.number, own("request", [A]));
      stage.leave(three.number);
      assertEquals(stage.standing(A).state, "owned");
      assertEquals(stage.host.ownership.nextUs(), Infinity);
    },
  },
  {
    name: "a deleted object is nobody's, and who waited hears it",
    check: (room) => {
      const { stage, two } = owned(room);
      stage.own(two.number, own("request", [A]));
      stage.words();
      stage.host.ownership.handleRemoval(stage.nowUs, A);
      stage.drain();
      assertEquals(stage.words(), ["all changed", "2 answer"]);
      assertEquals(stage.host.ownership.size, 0);
      assertEquals(stage.host.ownership.nextUs(), Infinity);
    },
  },
  {
    name: "who joins hears what is owned, in messages that can be sent",
    check: (room) => {
      const count = 2_000;
      const stage = new Stage(room, { pathOf: (id) => `object-${id}` });
      const { number } = stage.join(1);
      for (const from of [1, 1_001]) {
        stage.own(number, own("request", Array.from({ length: 1_000 }, (_, at) => path(from + at))));
      }
      stage.said.length = 0;
      stage.host.announceAll(stage.nowUs, client(2));
      stage.drain();
      const sizes = stage.said.map(({ message }) => message.kind === "own" ? message.objects.length : "priv");
      assertEquals(sizes, [1_024, count - 1_024, "priv"]);
    },
  },
  {
    name: "a client owns so many objects and no more",
    check: (room) => {
      const stage = new Stage(room, { pathOf: (id) => `object-${id}` });
      const { number } = stage.join(1);
      for (let from = 1; from < 5_000; from += 1_000) {
        stage.own(number, own("request", Array.from({ length: 1_000 }, (_, at) => path(from + at))));
      }
      assertEquals(stage.host.ownership.size, room.MAX_HOLDS_PER_CLIENT);
      assertEquals(stage.host.ownership.counters.refusedFull, 5_000 - room.MAX_HOLDS_PER_CLIENT);
    },
  },
];
