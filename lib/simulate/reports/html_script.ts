// What the page of a run does: draws the timeline, zooms, and shows what was true at the cursor.
// Plain script for any browser of the last years, without libraries. Text from a run reaches the page through
// `textContent` and attributes alone, never as markup, so that no name can do anything there.
// In a string, because it runs in a browser and never in hana.

/** Data, small tools, time and zoom. */
export const SCRIPT_BASE = String.raw`
"use strict";
const M = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const BELIEFS = ["alive", "suspect", "dead", "left", "unlisted"];
const FATES = ["delivered", "lost", "cut", "duplicated", "corrupted"];
const HUES = ["#3b6fd4", "#c2571a", "#2f8f83", "#a83f8c", "#7d8a1f", "#6b57c9", "#b33a3a", "#1f8fb5", "#8a6d3b", "#4f7f3a"];
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const key in attributes || {}) {
    if (key === "on") for (const type in attributes.on) node.addEventListener(type, attributes.on[type]);
    else if (key === "style") node.style.cssText = attributes.style;
    else node.setAttribute(key, attributes[key]);
  }
  node.append(...children);
  return node;
}
function draw(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return node;
}
function titled(node, text) { node.append(draw("title", {}, text)); return node; }
function seconds(us, digits) { return (us / 1e6).toFixed(digits === undefined ? 3 : digits) + " s"; }
function span(us) {
  if (us < 1000) return Math.round(us) + " µs";
  if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 2 : 1) + " ms";
  return (us / 1e6).toFixed(us < 1e7 ? 2 : 1) + " s";
}
/* The last index of a list, sorted by its first member, at or before a time. */
function lastAt(list, at, key) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) <= at) low = middle + 1; else high = middle;
  }
  return low - 1;
}
const state = {
  from: 0,
  to: M.endUs,
  cursor: M.violations.length > 0 ? M.violations[0].atUs : M.faults.length > 0 ? M.faults[0].fromUs : M.endUs,
  open: new Set(),
  direction: "seen",
  hiddenTypes: new Set(),
};
if (M.violations.length > 0 && M.violations[0].nodes.length > 0 && M.nodes.length <= 40) {
  const nodes = M.violations[0].nodes;
  state.open.add(nodes[nodes.length - 1]);
}
function zoomTo(from, to) {
  const least = 2000;
  let width = Math.max(least, Math.min(M.endUs, to - from));
  let start = from + (to - from - width) / 2;
  start = Math.max(0, Math.min(M.endUs - width, start));
  state.from = start; state.to = start + width;
  schedule();
}
function zoomBy(factor, around) {
  const at = around === undefined ? (state.from + state.to) / 2 : around;
  zoomTo(at - (at - state.from) * factor, at + (state.to - at) * factor);
}
function moveCursor(at) {
  state.cursor = Math.max(0, Math.min(M.endUs, at));
  if (state.cursor < state.from || state.cursor > state.to) {
    const half = (state.to - state.from) / 2;
    return zoomTo(state.cursor - half, state.cursor + half);
  }
  schedule();
}
let isScheduled = false;
function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => { isScheduled = false; drawChart(); drawMoment(); });
}
`;

/** The timeline itself. */
export const SCRIPT_CHART = String.raw`
const MANY = M.nodes.length > 40;
const ROW = MANY ? 17 : 36, TRUTH = MANY ? 8 : 17, SUB = 13, LANE = 18, AXIS = 22, TOP_GAP = 6;
const PATTERNS = [
  ["hatch-down", "var(--down)", 5], ["hatch-freeze", "var(--ink)", 6], ["hatch-start", "var(--panel)", 6],
];
function patterns() {
  const defs = draw("defs", {});
  for (const [id, colour, size] of PATTERNS) {
    const pattern = draw("pattern", { id, width: size, height: size, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    pattern.append(draw("rect", { width: size / 2.6, height: size, fill: colour, opacity: id === "hatch-freeze" ? 0.4 : 1 }));
    defs.append(pattern);
  }
  const arrow = draw("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto-start-reverse" });
  arrow.append(draw("path", { d: "M0 0 L8 4 L0 8 z", fill: "context-stroke" }));
  defs.append(arrow);
  return defs;
}
/* Faults get lanes so that no two overlap; what does not fit is drawn into the last one. */
const LANES_MOST = 7;
const laneOf = [];
let laneCount = 0;
{
  const ends = [];
  M.faults.forEach((fault, i) => {
    const least = fault.fromUs + M.endUs * 0.06;
    let lane = ends.findIndex((end) => end <= fault.fromUs);
    if (lane < 0) lane = Math.min(ends.length, LANES_MOST - 1);
    ends[lane] = Math.max(fault.toUs, least);
    laneOf[i] = lane;
  });
  laneCount = ends.length;
}
let layout = null;
function computeLayout() {
  const width = Math.max(480, $("chart").clientWidth || 1000);
  let longest = 6;
  for (const node of M.nodes) longest = Math.max(longest, Math.min(24, node.name.length));
  const left = Math.min(230, Math.max(104, 34 + longest * 8.2));
  const rows = [];
  let y = AXIS + laneCount * LANE + TOP_GAP;
  M.nodes.forEach((_node, index) => {
    const open = state.open.has(index);
    const others = open ? othersOf(index) : [];
    rows.push({ y, open, others });
    y += ROW + (open ? others.length * SUB + 8 : 0);
  });
  return { width, left, right: width - 10, rows, height: y + 18, top: AXIS + laneCount * LANE + TOP_GAP };
}
function othersOf(index) {
  const seen = new Set();
  for (const [, observer, subject] of M.views) {
    if (state.direction === "seen" ? subject === index : observer === index) seen.add(state.direction === "seen" ? observer : subject);
  }
  return [...seen].sort((a, b) => a - b).slice(0, 30);
}
function x(us) { return layout.left + (us - state.from) / (state.to - state.from) * (layout.right - layout.left); }
function timeAt(px) { return state.from + (px - layout.left) / (layout.right - layout.left) * (state.to - state.from); }
function clip(from, to) {
  const a = Math.max(from, state.from), b = Math.min(to, state.to);
  return b >= a ? [x(a), Math.max(1, x(b) - x(a))] : null;
}
function drawChart() {
  layout = computeLayout();
  const svg = $("chart");
  svg.setAttribute("viewBox", "0 0 " + layout.width + " " + layout.height);
  svg.setAttribute("height", layout.height);
  const back = draw("g", {}), rows = draw("g", {}), front = draw("g", {});
  drawPhases(back);
  drawAxis(back);
  drawFaults(back, front);
  M.nodes.forEach((_node, index) => drawRow(rows, index));
  drawFrames(front);
  drawViolations(front);
  const at = x(state.cursor);
  if (at >= layout.left && at <= layout.right) {
    front.append(draw("line", { x1: at, x2: at, y1: AXIS - 6, y2: layout.height, stroke: "var(--cursor)", "stroke-width": 1.2, "pointer-events": "none" }));
    front.append(draw("path", { d: "M" + (at - 5) + " " + (AXIS - 10) + " h10 l-5 7 z", fill: "var(--cursor)", "pointer-events": "none" }));
  }
  svg.replaceChildren(patterns(), back, rows, front);
  $("range").textContent = seconds(state.from, 2) + " to " + seconds(state.to, 2);
  $("scrub").value = String(Math.round(state.cursor));
  $("now").textContent = seconds(state.cursor);
}
function drawPhases(into) {
  const phase = (from, to, fill, text) => {
    const place = clip(from, to);
    if (place === null) return;
    into.append(draw("rect", { x: place[0], y: AXIS, width: place[1], height: layout.height - AXIS, fill }));
    if (place[1] > 58) into.append(draw("text", { x: place[0] + 4, y: layout.height - 4, class: "soft", "font-size": 11 }, text));
  };
  if (M.warmUs !== null) phase(0, M.warmUs, "var(--warm)", "warm-up");
  if (M.quietUs !== null) phase(M.quietUs, M.endUs, "var(--quiet)", "quiet");
}
function drawAxis(into) {
  const wanted = (state.to - state.from) / Math.max(3, (layout.right - layout.left) / 110);
  const power = Math.pow(10, Math.floor(Math.log10(wanted)));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= wanted);
  const digits = Math.max(0, Math.min(6, 6 - Math.floor(Math.log10(step) + 1e-9)));
  for (let at = Math.ceil(state.from / step) * step; at <= state.to; at += step) {
    into.append(draw("line", { x1: x(at), x2: x(at), y1: AXIS - 4, y2: layout.height, stroke: "var(--grid)" }));
    const isEdge = x(at) > layout.right - 24;
    into.append(draw("text", { x: x(at), y: 12, "text-anchor": isEdge ? "end" : "middle", class: "soft", "font-size": 11 }, seconds(at, step >= 1e6 ? 0 : digits)));
  }
}
function drawFaults(back, front) {
  M.faults.forEach((fault, i) => {
    const y = AXIS + laneOf[i] * LANE + 2;
    const place = clip(fault.fromUs, fault.toUs);
    if (place === null) return;
    const [left, width] = place;
    const group = draw("g", { opacity: 1 });
    for (const index of fault.nodes) {
      if (fault.isMoment) continue;
      back.append(draw("rect", { x: left, y: layout.rows[index].y - 1, width, height: ROW - 2, fill: "var(--fault)", opacity: 0.16 }));
    }
    for (const at of fault.isMoment ? [fault.fromUs] : [fault.fromUs, fault.toUs]) {
      if (at < state.from || at > state.to || at >= M.endUs) continue;
      back.append(draw("line", { x1: x(at), x2: x(at), y1: y, y2: layout.height, stroke: "var(--fault)", "stroke-dasharray": "2 4", opacity: 0.8 }));
    }
    if (fault.isMoment) group.append(draw("path", { d: "M" + left + " " + (y + 1) + " l6 6.5 l-6 6.5 l-6 -6.5 z", fill: "var(--fault)" }));
    else group.append(draw("rect", { x: left, y, width: Math.max(3, width), height: LANE - 4, rx: 3, fill: "var(--fault)", opacity: 0.3 }));
    const roomRight = layout.right - left - 12;
    const text = fault.text;
    const most = Math.max(4, Math.floor(roomRight / 6.4));
    const shown = text.length > most ? text.slice(0, most - 1) + "…" : text;
    group.append(draw("text", { x: left + (fault.isMoment ? 10 : 5), y: y + 11, "font-size": 11.5, "font-weight": 550 }, shown));
    const until = fault.isMoment ? "" : " to " + seconds(fault.toUs);
    front.append(titled(group, fault.id + ": " + fault.text + "\n" + seconds(fault.fromUs) + until));
  });
}
function drawRow(into, index) {
  const node = M.nodes[index];
  const { y, open, others } = layout.rows[index];
  const group = draw("g", { class: "row", "data-node": index });
  group.append(draw("rect", { x: 0, y: y - 2, width: layout.left - 6, height: ROW - 2, fill: "transparent" }));
  group.append(draw("circle", { cx: 8, cy: y + TRUTH / 2, r: MANY ? 3.5 : 5, fill: "var(--" + node.role + ")" }));
  const name = node.name.length > 24 ? node.name.slice(0, 23) + "…" : node.name;
  const label = draw("text", { x: 18, y: y + TRUTH / 2 + 4, class: "label", "font-size": MANY ? 10 : 12.5 }, (open ? "▾ " : "") + name);
  group.append(titled(label, node.name + ", " + node.role + " on " + node.host + "\nclick: what each of the others believes of it"));
  if (!MANY) group.append(draw("text", { x: 18, y: y + TRUTH + 13, class: "soft", "font-size": 10.5 }, node.role));
  for (const life of M.lives[index]) drawLife(group, index, life, y);
  for (const stall of M.stalls[index]) {
    const place = clip(stall.fromUs, stall.toUs);
    if (place === null) continue;
    const rect = draw("rect", { x: place[0], y, width: place[1], height: TRUTH, fill: "url(#hatch-freeze)", opacity: stall.kind === "slow" ? 0.5 : 1 });
    group.append(titled(rect, node.name + (stall.kind === "slow" ? " is slow" : " stands still") + ", " + seconds(stall.fromUs) + " to " + seconds(stall.toUs)));
    if (place[1] > 48 && !MANY) group.append(barText(place[0], y, stall.kind === "slow" ? "slow" : "frozen"));
  }
  drawBeliefs(group, index, y + TRUTH + 2, MANY ? 5 : 10);
  if (open) drawOthers(group, index, others, y + ROW - 2);
  into.append(group);
}
const LIFE_WORDS = { down: "not started", starting: "starting", up: "up", crashed: "crashed", powerless: "no power", left: "left", failed: "failed to start" };
function barText(left, y, text) {
  const group = draw("g", { "pointer-events": "none" });
  group.append(draw("rect", { x: left + 4, y: y + 2, width: text.length * 6.6 + 8, height: TRUTH - 4, rx: 3, fill: "var(--panel)", opacity: 0.88 }));
  group.append(draw("text", { x: left + 8, y: y + TRUTH / 2 + 4, "font-size": 11, "font-weight": 600 }, text));
  return group;
}
function drawLife(group, index, life, y) {
  const place = clip(life.fromUs, life.toUs);
  if (place === null) return;
  const [left, width] = place;
  const isUp = life.state === "up" || life.state === "starting";
  const colour = "var(--" + M.nodes[index].role + ")";
  const rect = draw("rect", isUp
    ? { x: left, y, width, height: TRUTH, rx: 2, fill: colour, opacity: 0.5 }
    : { x: left, y: y + 1, width, height: TRUTH - 2, rx: 2, fill: life.state === "down" ? "none" : "url(#hatch-down)", stroke: life.state === "left" || life.state === "down" ? "var(--down)" : "var(--dead)", "stroke-dasharray": life.state === "down" ? "3 3" : "none" });
  const words = LIFE_WORDS;
  group.append(titled(rect, M.nodes[index].name + ": " + words[life.state] + (life.life > 0 ? ", life " + life.life : "") + "\n" + seconds(life.fromUs) + " to " + seconds(life.toUs)));
  if (life.state === "starting" && width > 3) group.append(draw("rect", { x: left, y, width, height: TRUTH, fill: "url(#hatch-start)", opacity: 0.5, "pointer-events": "none" }));
  if (!isUp && width > 66 && !MANY) group.append(barText(left, y, words[life.state]));
}
/* The strip under a node: the share of those who run, by what they believe of it. */
function drawBeliefs(group, index, y, height) {
  const list = M.beliefs[index];
  const first = Math.max(0, lastAt(list, state.from, (one) => one[0]));
  let lastX = -10;
  const loud = [];
  for (let i = first; i < list.length && list[i][0] <= state.to; i++) {
    const place = clip(list[i][0], i + 1 < list.length ? list[i + 1][0] : M.endUs);
    if (place === null) continue;
    // A suspicion of a millisecond is worth seeing, however far away one looks.
    const isLoud = list[i][2] + list[i][3] > 0 && place[1] < 3;
    if (isLoud) place[1] = 3;
    // Changes closer than a pixel cannot be seen; the last of them stands for all.
    if (!isLoud && place[0] + place[1] - lastX < 0.7 && i + 1 < list.length) continue;
    lastX = place[0] + place[1];
    const counts = list[i].slice(1);
    const total = counts.reduce((sum, n) => sum + n, 0);
    // That nobody knows a node which is not there yet says nothing.
    if (total === 0 || (counts[4] === total && lifeAt(index, list[i][0]) === "down")) continue;
    let at = y;
    // One who suspects among many must be seen: three pixels at least, at the cost of the largest part.
    const parts = counts.map((n, belief) => n === 0 ? 0 : Math.max(height * n / total, belief === 1 || belief === 2 ? 3 : 0));
    const largest = parts.indexOf(Math.max(...parts));
    parts[largest] -= parts.reduce((sum, part) => sum + part, 0) - height;
    parts.forEach((part, belief) => {
      if (part <= 0) return;
      const rect = draw("rect", { x: place[0], y: at, width: place[1] + 0.3, height: part, fill: "var(--" + BELIEFS[belief] + ")" });
      if (isLoud) loud.push(rect); else group.append(rect);
      at += part;
    });
    const words = counts.map((n, belief) => n === 0 ? "" : n + " " + BELIEFS[belief]).filter((word) => word !== "").join(", ");
    group.append(titled(draw("rect", { x: place[0], y, width: place[1], height, fill: "transparent" }), "the others list " + M.nodes[index].name + " as: " + words + "\nfrom " + seconds(list[i][0])));
  }
  for (const rect of loud) { rect.setAttribute("pointer-events", "none"); group.append(rect); }
}
function drawOthers(group, index, others, y) {
  const bySeen = state.direction === "seen";
  others.forEach((other, row) => {
    const top = y + row * SUB;
    const name = M.nodes[other].name;
    group.append(draw("text", { x: layout.left - 8, y: top + 9, "text-anchor": "end", class: "soft", "font-size": 10 }, name.length > 22 ? name.slice(0, 21) + "…" : name));
    const changes = M.views.filter((view) => bySeen ? view[1] === other && view[2] === index : view[1] === index && view[2] === other);
    changes.forEach(([at, , , belief], i) => {
      const place = clip(at, i + 1 < changes.length ? changes[i + 1][0] : M.endUs);
      if (place === null || belief === 4) return;
      const rect = draw("rect", { x: place[0], y: top + 2, width: place[1], height: SUB - 3, fill: "var(--" + BELIEFS[belief] + ")" });
      group.append(titled(rect, (bySeen ? name + " lists " + M.nodes[index].name : M.nodes[index].name + " lists " + name) + " as " + BELIEFS[belief] + "\nfrom " + seconds(at)));
    });
  });
}
function drawViolations(into) {
  for (const violation of M.violations.slice(0, 60)) {
    const at = x(violation.atUs);
    if (at < layout.left - 1 || at > layout.right + 1) continue;
    const group = draw("g", {});
    group.append(draw("line", { x1: at, x2: at, y1: AXIS, y2: layout.height, stroke: "var(--dead)", "stroke-width": 2 }));
    for (const index of violation.nodes) {
      const y = layout.rows[index].y + TRUTH / 2;
      group.append(draw("circle", { cx: at, cy: y, r: MANY ? 5 : 8, fill: "var(--dead)" }));
      group.append(draw("path", { d: "M" + (at - 3) + " " + (y - 3) + " l6 6 m0 -6 l-6 6", stroke: "#fff", "stroke-width": 1.8 }));
    }
    into.append(titled(group, violation.id + " at " + seconds(violation.atUs) + "\n" + violation.text));
  }
}
function drawFrames(into) {
  const note = $("frames");
  if (M.frames.length === 0) { note.textContent = ""; return; }
  const from = lastAt(M.frames, state.from - 2e6, (frame) => frame[0]) + 1;
  const shown = [];
  let inWindow = 0;
  for (let i = from; i < M.frames.length && M.frames[i][0] <= state.to; i++) {
    const frame = M.frames[i];
    if (Math.max(frame[0], frame[1]) < state.from || state.hiddenTypes.has(frame[4])) continue;
    inWindow++;
    if (shown.length < 700) shown.push(frame);
  }
  const isNear = (state.to - state.from) <= 3e6 || inWindow <= 120;
  if (!isNear || inWindow > 700) {
    note.textContent = inWindow + " messages here: zoom in to see them";
    return;
  }
  note.textContent = inWindow + " messages here";
  for (const [at, arrives, sender, receiver, type, fate, bytes] of shown) {
    const isGone = fate === 1 || fate === 2;
    const y1 = layout.rows[sender].y + TRUTH / 2, y2 = layout.rows[receiver].y + TRUTH / 2;
    const x1 = x(at);
    // A lost frame ends in a cross at the one who did not get it.
    const x2 = isGone ? x1 + 4 : x(Math.max(at, arrives));
    const end = y2;
    const colour = HUES[type % HUES.length];
    const group = draw("g", { opacity: 0.85 });
    group.append(draw("line", { x1, y1, x2, y2: end, stroke: colour, "stroke-width": 1.2, "stroke-dasharray": fate === 3 ? "4 2" : isGone ? "2 2" : "none", "marker-end": isGone ? "none" : "url(#tip)" }));
    if (isGone || fate === 4) {
      const cx = isGone ? x2 : (x1 + x2) / 2, cy = isGone ? end : (y1 + y2) / 2;
      group.append(draw("path", { d: "M" + (cx - 3) + " " + (cy - 3) + " l6 6 m0 -6 l-6 6", stroke: isGone ? "var(--dead)" : "var(--suspect)", "stroke-width": 1.8 }));
    }
    group.append(draw("line", { x1, y1, x2, y2: end, stroke: "transparent", "stroke-width": 7 }));
    const way = isGone ? FATES[fate] : (fate === 0 ? "" : FATES[fate] + ", ") + span(arrives - at) + " on the way";
    into.append(titled(group, M.frameTypes[type] + ", " + bytes + " B: " + M.nodes[sender].name + " → " + M.nodes[receiver].name + "\n" + seconds(at, 6) + ", " + way));
  }
}
`;
