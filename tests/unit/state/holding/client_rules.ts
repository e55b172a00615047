// What must be so about clients: tokens, silence, loss, leaving.

import { assert, assertEquals } from "@std/assert";
import { idOf, link, own, priv, type Rule, seconds, Stage } from "./support.ts";

const WISH = own("request", [idOf("a")]);
const PRIVILEGE_WISH = priv("request");

export const CLIENT_RULES: readonly Rule[] = [
  {
    name: "a client that comes back with its token within a minute is who it was, with what it wrote",
    check: (room) => {
      const stage = new Stage(room);
      const first = stage.join(1);
      stage.host.clients.noteSequence(first.number, 17);
      stage.close(first.link);
      assertEquals(stage.kinds(), ["joined", "suspended", "grace"]);
      stage.pass(seconds(59.9));
      const second = stage.join(1, "operator", first.token);
      assertEquals([second.number, second.resumed, second.sequence], [first.number, true, 17]);
      assertEquals(stage.kinds(), ["resumed"]);
    },
  },
  {
    name: "a client that comes back after a minute is new and has another number",
    check: (room) => {
      for (const isTimely of [true, false]) {
        const stage = new Stage(room);
        const first = stage.join(1);
        stage.close(first.link);
        // The host may look at the clock late: the token is void all the same.
        if (isTimely) stage.pass(seconds(60.1));
        else stage.nowUs += seconds(60.1);
        const second = stage.join(1, "operator", first.token);
        assertEquals([second.number, second.resumed, second.sequence], [first.number + 1, false, 0]);
        assertEquals(stage.kinds(), ["joined", "suspended", "grace", "gone", "joined"]);
        assertEquals([...stage.host.clients.all()].length, 1);
      }
    },
  },
  {
    name: "a token works once, and for five seconds more in case the welcome was lost",
    check: (room) => {
      const stage = new Stage(room);
      const first = stage.join(1);
      stage.pass(seconds(1));
      const second = stage.join(1, "operator", first.token);
      stage.pass(seconds(4.9));
      const third = stage.join(1, "operator", first.token);
      assertEquals([second.resumed, third.resumed], [true, true]);
      stage.pass(seconds(0.2));
      assert(!stage.join(1, "operator", first.token).resumed);
      const other = new Stage(room);
      const one = other.join(1);
      const two = other.join(1, "operator", one.token);
      const three = other.join(1, "operator", one.token);
      assert(!other.join(1, "operator", two.token).resumed, "the token of the lost welcome is void");
      assert(three.resumed);
    },
  },
  {
    name: "a token of another node lets nobody in and does its owner no harm",
    check: (room) => {
      const stage = new Stage(room);
      const first = stage.join(1);
      stage.close(first.link);
      const thief = stage.greet(2, "operator", first.token).answer;
      assertEquals(thief.isWelcome ? "" : thief.code, "token");
      assert(stage.join(1, "operator", first.token).resumed);
      assertEquals(stage.host.clients.counters.stolenTokens, 1);
    },
  },
  {
    name: "tokens are kept as hashes alone",
    check: (room) => {
      const stage = new Stage(room);
      const { token } = stage.join(1);
      const hex = [...token].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const [row] = stage.host.clients.rows();
      assertEquals(row?.tokenHash.length, 64);
      assert(!JSON.stringify(stage.host.copyAll()).includes(hex));
    },
  },
  {
    name: "a client is suspected after 7.5 s of silence, revived by a word, suspended after 15 s",
    check: (room) => {
      const stage = new Stage(room);
      const { link: line, number } = stage.join(1);
      stage.pass(seconds(7.4));
      assertEquals(stage.kinds(), ["joined"]);
      stage.pass(seconds(0.2));
      assertEquals(stage.kinds(), ["suspect"]);
      assertEquals(stage.host.clients.handleMessage(stage.nowUs, link(line)), number);
      stage.drain();
      assertEquals(stage.kinds(), ["heard"]);
      stage.pass(seconds(14.9));
      assertEquals(stage.kinds(), ["suspect"]);
      stage.pass(seconds(0.2));
      assertEquals(stage.kinds(), ["unlinked", "suspended", "grace"]);
      assertEquals(stage.host.clients.handleMessage(stage.nowUs, link(line)), null);
      assertEquals(stage.write(number, idOf("a"), null), "suspended");
      assertEquals(stage.host.handleOwn(stage.nowUs, number, WISH), false);
      stage.pass(seconds(60));
      assertEquals(stage.kinds(), ["gone"]);
      assertEquals(stage.host.pollTimeout(), null);
    },
  },
  {
    name: "a client that speaks is never suspected",
    check: (room) => {
      const stage = new Stage(room);
      const { link } = stage.join(1);
      stage.pass(seconds(100), [link]);
      assertEquals(stage.kinds(), ["joined"]);
    },
  },
  {
    name: "nothing is taken from a connection that has not joined",
    check: (room) => {
      const stage = new Stage(room);
      assertEquals(stage.host.clients.handleMessage(stage.nowUs, link(9)), null);
      assertEquals(stage.host.clients.counters.unjoined, 1);
    },
  },
  {
    name: "a connection greets once",
    check: (room) => {
      const stage = new Stage(room);
      const { link: line, token } = stage.join(1);
      const again = stage.host.clients.handleGreeting(stage.nowUs, {
        link: link(line),
        peer: { nodeId: "00".repeat(16) as never, key: null },
        name: "desk",
        level: "operator",
        token,
      });
      assertEquals(again.isWelcome ? "" : again.code, "protocol");
    },
  },
  {
    name: "a resumed client's old connection is told to go, and its end means nothing",
    check: (room) => {
      const stage = new Stage(room);
      const first = stage.join(1);
      const second = stage.join(1, "operator", first.token);
      assertEquals(stage.kinds(), ["joined", "unlinked", "resumed"]);
      stage.close(first.link);
      assertEquals(stage.host.clients.get(second.number)?.state, "joined");
      assertEquals(stage.host.clients.present, 1);
    },
  },
  {
    name: "a node that comes as new ends what it was before, and its numbers are not used again",
    check: (room) => {
      const stage = new Stage(room);
      const first = stage.join(1);
      const second = stage.join(1);
      assertEquals(stage.kinds(), ["joined", "unlinked", "gone", "joined"]);
      assertEquals([...stage.host.clients.all()].map(({ number }) => number), [second.number]);
      stage.leave(second.number);
      assert(stage.join(2).number > second.number && second.number > first.number);
    },
  },
  {
    name: "a host takes so many clients and no more, and a node that is there may come anew",
    check: (room) => {
      const stage = new Stage(room, { maxClients: 2 });
      stage.join(1);
      stage.join(2);
      const third = stage.greet(3).answer;
      assertEquals(third.isWelcome ? "" : third.code, "full");
      stage.join(2);
      assertEquals(stage.host.clients.size, 2);
      assertEquals(stage.host.clients.counters.refusedFull, 1);
    },
  },
  {
    name: "what a client leaves to be done is done once: at its loss, at its end, or both when it leaves",
    check: (room) => {
      const operations = (["loss", "expiry"] as const).map((at) => ({
        at,
        id: idOf("a"),
        value: 0,
        priority: 100,
      }));
      for (const isClean of [true, false]) {
        const stage = new Stage(room);
        const { number, link } = stage.join(1);
        assert(stage.host.clients.handleLeaveOperations(number, operations));
        if (isClean) stage.leave(number);
        else {
          stage.close(link);
          stage.pass(seconds(61));
        }
        const done = stage.events.flatMap((event) =>
          event.kind === "suspended" || event.kind === "gone" ? [event.operations.map(({ at }) => at)] : []
        );
        assertEquals(done, isClean ? [["loss", "expiry"]] : [["loss"], ["expiry"]]);
      }
      const stage = new Stage(room);
      const { number } = stage.join(1);
      const many = Array.from(
        { length: 65 },
        () => ({ at: "loss", id: idOf("a"), value: 0, priority: 1 }) as const,
      );
      assert(!stage.host.clients.handleLeaveOperations(number, many));
    },
  },
  {
    name:
      "a host that loses half of its clients within a second suspects itself, and no grace runs for 2.5 s",
    check: (room) => {
      const stage = new Stage(room);
      const all = [1, 2, 3, 4].map((node) => stage.join(node));
      const [one, two, three] = all;
      assert(one && two && three);
      stage.own(one.number, WISH);
      stage.kinds();
      stage.close(one.link);
      assertEquals(stage.standing(idOf("a")).state, "grace");
      assertEquals(stage.kinds(), ["suspended", "grace"]);
      stage.pass(seconds(0.9));
      stage.close(two.link);
      assertEquals(stage.kinds(), ["suspended", "self-suspicion", "spared"]);
      assertEquals(stage.standing(idOf("a")).state, "owned");
      stage.close(three.link);
      assertEquals(stage.kinds(), ["suspended"]);
      stage.pass(seconds(2.4), [all[3]?.link ?? 0]);
      assertEquals(stage.kinds(), []);
      stage.pass(seconds(0.1), [all[3]?.link ?? 0]);
      assertEquals(stage.kinds(), ["grace", "grace", "grace"]);
      assertEquals(stage.standing(idOf("a")).leftUs, seconds(60));
      // The suspicion is over; the next one needs new losses.
      assertEquals(stage.host.clients.suspectsItself, false);
    },
  },
  {
    name: "clients lost one after the other, or one of two, are no crowd",
    check: (room) => {
      const stage = new Stage(room);
      const all = [1, 2, 3, 4].map((node) => stage.join(node));
      for (const { link } of all.slice(0, 3)) {
        stage.close(link);
        stage.pass(seconds(1.1), [all[3]?.link ?? 0]);
      }
      assertEquals(stage.host.clients.counters.selfSuspicions, 0);
      const pair = new Stage(room);
      const [first] = [pair.join(1), pair.join(2)];
      pair.close(first.link);
      assertEquals(pair.host.clients.counters.selfSuspicions, 0);
      const many = new Stage(room);
      const five = [1, 2, 3, 4, 5].map((node) => many.join(node));
      for (const { link } of five.slice(0, 2)) many.close(link);
      assertEquals(many.host.clients.counters.selfSuspicions, 0);
    },
  },
  {
    name: "a client that resumes while the host suspects itself gets no grace",
    check: (room) => {
      const stage = new Stage(room);
      const all = [1, 2].map((node) => stage.join(node));
      for (const { link } of all) stage.close(link);
      const back = stage.join(1, "operator", all[0]?.token);
      stage.kinds();
      stage.pass(seconds(3), [back.link]);
      assertEquals(stage.events.map((event) => "client" in event ? Number(event.client) : 0), [2]);
    },
  },
  {
    name: "a host of the next reign knows its clients by their tokens, and what they hold waits for them",
    check: (room) => {
      const old = new Stage(room);
      const one = old.join(1);
      const two = old.join(2);
      old.own(one.number, WISH);
      old.priv(two.number, PRIVILEGE_WISH);
      const next = new Stage(room);
      next.host.handleReign(next.nowUs, old.host.copyAll());
      next.drain();
      assertEquals(next.standing(idOf("a")).state, "grace");
      assertEquals(next.privilege.state, "grace");
      assert(next.join(1, "operator", one.token).resumed);
      assertEquals(next.standing(idOf("a")).state, "owned");
      assertEquals(next.write(one.number, idOf("a"), 1), null);
      const three = next.join(3);
      assertEquals(three.number, two.number + 1);
      next.pass(seconds(15), [2]);
      assertEquals(next.privilege.state, "none");
      next.own(three.number, own("request", [idOf("e")]));
      assertEquals(next.standing(idOf("e")).generation, 3);
    },
  },
];
