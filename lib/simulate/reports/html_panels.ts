// The rest of a run's page: what was true at the cursor, what happened around it, figures, and what keys and mouse do.
// The same rules as for html_script.ts hold.

/** Panels and input. */
export const SCRIPT_PANELS = String.raw`
function lifeAt(index, at) {
  const life = M.lives[index].find((one) => one.fromUs <= at && at < one.toUs) || M.lives[index][M.lives[index].length - 1];
  return life === undefined ? "down" : life.state;
}
function stallAt(index, at) {
  const stall = M.stalls[index].find((one) => one.fromUs <= at && at < one.toUs);
  return stall === undefined ? null : stall.kind;
}
function beliefAt(index, at) {
  const i = lastAt(M.beliefs[index], at, (one) => one[0]);
  return i < 0 ? [0, 0, 0, 0, 0] : M.beliefs[index][i].slice(1);
}
function drawMoment() {
  const at = state.cursor;
  $("moment-title").textContent = "At " + seconds(at);
  const rows = M.nodes.map((node, index) => {
    const life = lifeAt(index, at), stall = stallAt(index, at);
    const truth = stall === null || life !== "up" ? LIFE_WORDS[life] : stall === "slow" ? "up, slow" : "up, frozen";
    const counts = beliefAt(index, at);
    const words = counts.map((n, belief) => n === 0 ? "" : n + " " + BELIEFS[belief]).filter((word) => word !== "").join(", ");
    // Worth a look: what others believe is not how it is.
    const isOdd = (life === "up" && counts[1] + counts[2] + counts[3] > 0) || (life !== "up" && life !== "starting" && counts[0] > 0);
    return { node, truth, words, isOdd, life };
  });
  const shown = M.nodes.length <= 24 ? rows : rows.filter((row) => row.isOdd || row.truth !== "up").slice(0, 60);
  const table = el("table", {}, el("tr", {}, el("th", {}, "node"), el("th", {}, "is"), el("th", {}, "the others list it as")));
  for (const row of shown) {
    table.append(el("tr", {},
      el("td", {}, el("span", { class: "dot", style: "background:var(--" + row.node.role + ")" }), row.node.name),
      el("td", {}, row.truth),
      el("td", row.isOdd ? { style: "font-weight:650" } : {}, row.words || "nobody runs who could")));
  }
  if (shown.length < rows.length) table.append(el("tr", {}, el("td", { colspan: "3", class: "soft" }, (rows.length - shown.length) + " more are up and listed as alive")));
  $("moment").replaceChildren(table, matrixAt(at));
  drawLog(at);
}
function matrixAt(at) {
  if (M.nodes.length > 30) return el("p", { class: "soft" }, "click a node's name to see what each of the others believes of it");
  const now = new Map();
  for (const [when, observer, subject, belief] of M.views) {
    if (when > at) break;
    now.set(observer * 1000 + subject, belief);
  }
  const table = el("table", { class: "matrix", style: "width:auto;margin-top:4px" });
  M.nodes.forEach((observer, o) => {
    const row = el("tr", {}, el("th", { style: "padding-right:8px;font-size:11px;width:auto;white-space:nowrap" }, observer.name));
    const isUp = lifeAt(o, at) === "up";
    M.nodes.forEach((subject, s) => {
      const belief = o === s || !isUp ? null : now.has(o * 1000 + s) ? now.get(o * 1000 + s) : 4;
      row.append(el("td", {
        title: belief === null ? (o === s ? observer.name : observer.name + " does not run") : observer.name + " lists " + subject.name + " as " + BELIEFS[belief],
        style: "background:" + (belief === null ? "transparent" : "var(--" + BELIEFS[belief] + ")"),
      }));
    });
    table.append(row);
  });
  return el("details", { open: "", style: "margin-top:10px" }, el("summary", { class: "soft" }, "who lists whom (row: who looks, column: at whom, in the same order)"), table);
}
const LOG_ABOUT = 14;
const DETAILS = new Set(["sent", "received", "answered", "discovery"]);
let onlyNamed = false, withDetails = false, logged = null;
function loggedFacts() {
  const open = [...state.open];
  return M.facts.filter((fact) => (withDetails || !DETAILS.has(fact[1])) &&
    (!onlyNamed || open.length === 0 || fact[1] === "fault" || fact[1] === "phase" || fact[1] === "violation" || fact[3].some((index) => open.includes(index))));
}
function drawLog(at) {
  const key = onlyNamed + " " + withDetails + " " + [...state.open].join();
  if (logged === null || logged.key !== key) logged = { key, facts: loggedFacts() };
  const { facts } = logged;
  const middle = lastAt(facts, at, (fact) => fact[0]);
  const from = Math.max(0, middle - LOG_ABOUT), to = Math.min(facts.length, middle + LOG_ABOUT + 1);
  const lines = [];
  for (let i = from; i < to; i++) {
    const [when, kind, text] = facts[i];
    const isNow = i === middle;
    lines.push(el("div", {
      class: (kind === "violation" || kind === "crash" ? "violation" : kind === "fault" ? "fault" : "") + (isNow ? " now" : ""),
      style: "cursor:pointer",
      on: { click: () => moveCursor(when) },
    }, (when / 1e6).toFixed(3).padStart(10) + "s  " + text));
  }
  $("log").replaceChildren(...lines);
}
function fillPage() {
  document.title = M.verdict + ": " + M.name;
  const verdict = $("verdict");
  verdict.textContent = M.verdict;
  verdict.classList.add(M.verdict);
  $("name").textContent = M.name;
  $("summary").textContent = M.summary;
  const byRule = new Map();
  for (const violation of M.violations) byRule.set(violation.id, [...(byRule.get(violation.id) || []), violation]);
  const stories = [...byRule.values()].slice(0, 5).map(([violation, ...more]) =>
    el("div", { class: "story", role: "button", tabindex: "0", title: "look at it", on: { click: () => { moveCursor(violation.atUs); zoomTo(violation.atUs - 6e6, violation.atUs + 2e6); } } },
      el("b", {}, violation.text),
      el("span", { class: "soft" }, "  — " + violation.id + " (" + (violation.kind === "metric" ? "threshold" : violation.kind) + "), " + seconds(violation.atUs) + (more.length > 0 ? ", and " + more.length + " more like it" : ""))));
  if (byRule.size > 5) stories.push(el("div", { class: "soft", style: "margin-top:6px" }, "and " + (byRule.size - 5) + " more broken rules"));
  if (M.reason !== null) stories.push(el("div", { class: "story warn" }, el("b", {}, M.reason)));
  $("stories").replaceChildren(...stories);
  $("figures").replaceChildren(...M.figures.map(([label, value]) => el("span", {}, el("span", { class: "soft" }, label + " "), el("span", { class: "mono" }, value))));
  $("repro").textContent = M.repro;
  $("copy").addEventListener("click", () => copy(M.repro));
  const roles = [...new Set(M.nodes.map((node) => node.role))];
  const swatch = (colour, word) => el("span", {}, el("i", { style: "background:" + colour }), word);
  $("legend").replaceChildren(
    el("b", {}, "thick bar: the node itself"), ...roles.map((role) => swatch("var(--" + role + ")", role)),
    swatch("repeating-linear-gradient(45deg,var(--down) 0 2px,transparent 2px 5px)", "down"),
    el("b", { style: "margin-left:10px" }, "strip below: what the others believe of it"),
    ...["alive", "suspect", "dead", "left", "unlisted"].map((belief) => swatch("var(--" + belief + ")", belief === "unlisted" ? "not known" : belief)),
    el("span", { style: "margin-left:10px" }, el("i", { style: "background:var(--fault);opacity:.4" }), "fault"),
    ...(M.violations.length > 0 ? [swatch("var(--dead)", "✕ violation")] : []));
  $("types").replaceChildren(...M.frameTypes.map((type, i) => {
    const button = el("button", { "aria-pressed": "true", title: "show or hide these messages" }, el("i", { style: "background:" + HUES[i % HUES.length] }), type);
    button.addEventListener("click", () => {
      const isHidden = state.hiddenTypes.has(i);
      if (isHidden) state.hiddenTypes.delete(i); else state.hiddenTypes.add(i);
      button.setAttribute("aria-pressed", String(isHidden));
      schedule();
    });
    return button;
  }));
  const left = [];
  if (M.leftOut.frames > 0) left.push(M.leftOut.frames.toLocaleString("en-US") + " messages far from any event are left out");
  if (M.leftOut.facts > 0) left.push(M.leftOut.facts.toLocaleString("en-US") + " facts are left out");
  $("leftout").textContent = left.join("; ");
  const heads = ["metric", "count", "value", "min", "p50", "p95", "p99", "max", "bound"];
  const table = el("table", {}, el("tr", {}, ...heads.map((head, i) => el("th", i === 0 || i === 8 ? {} : { class: "num" }, head))));
  for (const metric of M.metrics) {
    table.append(el("tr", {}, el("td", {}, metric.name), ...metric.cells.map((cell) => el("td", { class: "num" }, cell)),
      el("td", metric.isMet === null ? {} : { class: metric.isMet ? "met" : "missed" }, metric.bound)));
  }
  $("metrics").replaceChildren(table);
  $("claims").replaceChildren(...M.claims.map((claim) => el("tr", {},
    el("td", { class: claim.times >= claim.atLeast ? "met" : "missed" }, claim.claim),
    el("td", { class: "num" }, claim.times + " of at least " + claim.atLeast))));
  $("claims-card").hidden = M.claims.length === 0;
  $("identity").textContent = M.identity;
}
function copy(text) {
  const done = (word) => { $("copy").textContent = word; setTimeout(() => { $("copy").textContent = "copy"; }, 1500); };
  const byHand = () => {
    const area = el("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    done(worked ? "copied" : "select it");
  };
  if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(text).then(() => done("copied"), byHand);
  else byHand();
}
function listen() {
  const svg = $("chart");
  const scale = () => layout.width / svg.getBoundingClientRect().width;
  const timeOf = (event) => timeAt((event.clientX - svg.getBoundingClientRect().left) * scale());
  let drag = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const row = event.target.closest ? event.target.closest(".row") : null;
    const isLabel = (event.clientX - svg.getBoundingClientRect().left) * scale() < layout.left - 4;
    if (isLabel) {
      if (row === null) return;
      const index = Number(row.dataset.node);
      if (state.open.has(index)) state.open.delete(index); else state.open.add(index);
      return schedule();
    }
    drag = { startX: event.clientX, from: state.from, to: state.to, moved: false };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (drag === null) return;
    const px = (event.clientX - drag.startX) * scale();
    if (Math.abs(px) > 3) drag.moved = true;
    if (!drag.moved) return;
    const shift = px / (layout.right - layout.left) * (drag.to - drag.from);
    zoomTo(drag.from - shift, drag.to - shift);
  });
  svg.addEventListener("pointerup", (event) => {
    if (drag !== null && !drag.moved) moveCursor(timeOf(event));
    drag = null;
  });
  svg.addEventListener("dblclick", (event) => zoomBy(0.25, timeOf(event)));
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return zoomBy(Math.pow(1.0018, event.deltaY), timeOf(event));
    const delta = event.deltaX || event.deltaY;
    const shift = delta / (layout.right - layout.left) * (state.to - state.from);
    zoomTo(state.from + shift, state.to + shift);
  }, { passive: false });
  $("scrub").max = String(M.endUs);
  $("scrub").addEventListener("input", (event) => moveCursor(Number(event.target.value)));
  $("in").addEventListener("click", () => zoomBy(0.4, state.cursor));
  $("out").addEventListener("click", () => zoomBy(2.5, state.cursor));
  $("fit").addEventListener("click", () => zoomTo(0, M.endUs));
  $("direction").addEventListener("click", () => {
    state.direction = state.direction === "seen" ? "sees" : "seen";
    $("direction").textContent = state.direction === "seen" ? "opened rows: how others see it" : "opened rows: how it sees others";
    schedule();
  });
  $("details").addEventListener("change", (event) => { withDetails = event.target.checked; drawLog(state.cursor); });
  $("only").addEventListener("change", (event) => { onlyNamed = event.target.checked; drawLog(state.cursor); });
  const jump = (way) => {
    const turns = [...M.violations.map((one) => one.atUs), ...M.faults.flatMap((one) => [one.fromUs, one.toUs]), ...M.views.filter((view) => view[3] === 1 || view[3] === 2).map((view) => view[0])];
    const next = way > 0 ? turns.filter((at) => at > state.cursor).sort((a, b) => a - b)[0] : turns.filter((at) => at < state.cursor).sort((a, b) => b - a)[0];
    if (next !== undefined) moveCursor(next);
  };
  $("previous").addEventListener("click", () => jump(-1));
  $("next").addEventListener("click", () => jump(1));
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const width = state.to - state.from;
    if (event.key === "ArrowLeft") moveCursor(state.cursor - width / 100);
    else if (event.key === "ArrowRight") moveCursor(state.cursor + width / 100);
    else if (event.key === "+" || event.key === "=") zoomBy(0.6, state.cursor);
    else if (event.key === "-") zoomBy(1.7, state.cursor);
    else if (event.key === "0") zoomTo(0, M.endUs);
    else if (event.key === "n") jump(1);
    else if (event.key === "p") jump(-1);
    else return;
    event.preventDefault();
  });
  window.addEventListener("resize", schedule);
}
/* A view may be asked for in the address: #from=8&to=14&at=10.2 (seconds), &open=viz-2. */
function openAt() {
  const wish = new URLSearchParams(location.hash.slice(1));
  const number = (key) => wish.has(key) && Number.isFinite(Number(wish.get(key))) ? Number(wish.get(key)) * 1e6 : null;
  if (wish.has("open")) state.open = new Set(wish.get("open").split(",").map((name) => M.nodes.findIndex((node) => node.name === name)).filter((index) => index >= 0));
  if (number("from") !== null && number("to") !== null) zoomTo(number("from"), number("to"));
  if (number("at") !== null) state.cursor = Math.max(0, Math.min(M.endUs, number("at")));
}
fillPage();
listen();
openAt();
drawChart();
drawMoment();
document.documentElement.dataset.drawn = "yes";
`;
