// What stands above the board: name, phase, clock, progress, banner, the choice of groups. Must not know rows.

import { at, made, picture, writeText } from "./elements.js";
import { chosenGroup, isFrozen, known, nowMs } from "./contest.js";
import { asClock, contestTimeMs, relativeMs } from "./times.js";

export function renderHead() {
  const { contest } = known;
  at("name").textContent = contest.formal_name || contest.name;
  document.title = `${contest.name} · Scoreboard`;
  const logo = picture(contest.logo);
  if (logo !== null && at("logo").src !== logo) at("logo").src = logo;
  at("logo").hidden = logo === null;
  renderGroups(contest);
  tick();
}

function renderGroups(contest) {
  const main = known.groups.find((group) => group.id === contest.main_scoreboard_group_id);
  const chosen = chosenGroup();
  const signature = JSON.stringify([known.groups.map((group) => [group.id, group.name]), main?.id, chosen]);
  if (at("group").dataset.signature === signature) return;
  at("group").dataset.signature = signature;
  const others = known.groups.filter((group) => group !== main);
  const options = [{ id: "", name: main ? main.name : "All teams" }, ...others].map(({ id, name }) => {
    return Object.assign(made("option", "", name), { value: id, selected: id === chosen });
  });
  at("group").replaceChildren(...options);
  at("group-choice").hidden = known.groups.length === 0;
}

// State and clock, every second: what the contest, its state and the time say together.
export function tick() {
  const { contest, board } = known;
  if (contest === null) return;
  const state = board?.state ?? {};
  const durationMs = relativeMs(contest.duration) ?? 0;
  const startMs = Date.parse(state.started ?? contest.start_time ?? "");
  const [phase, clock, label, elapsedMs] = phaseOf(contest, state, startMs, durationMs);
  tellPhase(phase, clock, label);
  const freezeMs = relativeMs(contest.scoreboard_freeze_duration) ?? 0;
  at("frozen-part").style.width = durationMs > 0 && !state.thawed ? `${(100 * freezeMs) / durationMs}%` : "0";
  at("elapsed").style.width = durationMs > 0 ? `${Math.min(100, Math.max(0, (100 * elapsedMs) / durationMs))}%` : "0";
  renderBanner(state);
}

// The contest was deleted; what was last known of it stays.
export function tellGone() {
  tellPhase("No such contest any more", "–:––:––", "");
  const rest = at("rows").children.length > 0 ? " What is shown was last known of it." : "";
  tellBanner("gone", `There is no such contest any more.${rest}`);
}

function tellPhase(phase, clock, label) {
  writeText(at("phase"), phase);
  writeText(at("clock"), clock);
  writeText(at("clock-label"), label);
}

function phaseOf(contest, state, startMs, durationMs) {
  const length = asClock(durationMs);
  if (state.started) {
    const toldMs = relativeMs(known.board?.contest_time) ?? 0;
    const elapsedMs = Math.min(Math.max(contestTimeMs(startMs, state, nowMs()), toldMs, 0), durationMs || Infinity);
    if (state.finalized) return ["Final results", asClock(durationMs), "contest over", durationMs];
    if (state.ended) return ["Contest over, results not final yet", asClock(durationMs), "contest over", durationMs];
    const pausedNow = (state.removed_intervals ?? []).some((interval) => !interval.end);
    const words = pausedNow ? "Interrupted" : isFrozen(state) ? "Running, scoreboard frozen" : "Running";
    return [words, asClock(elapsedMs), `of ${length} · ${asClock(durationMs - elapsedMs)} left`, elapsedMs];
  }
  const pausedMs = relativeMs(contest.countdown_pause_time);
  if (pausedMs !== null) return ["Countdown paused", `−${asClock(pausedMs)}`, "until the start", 0];
  if (!Number.isFinite(startMs)) return ["The start is not set yet", "–:––:––", `lasts ${length}`, 0];
  const leftMs = startMs - nowMs();
  const when = new Date(startMs).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  if (leftMs <= 0) return ["Starting", "0:00:00", `lasts ${length}`, 0];
  return [`Starts ${when}`, `−${asClock(leftMs + 999)}`, "until the start", 0];
}

// What spectators should know of a board, the first that applies.
const BANNERS = [
  ["coming", (state) => !state.started, "The contest has not started yet. Its problems will show here when it does."],
  [
    "frozen",
    (state) => isFrozen(state) && state.ended,
    "The contest is over and the scoreboard still frozen: " +
      "what was submitted in the freeze is hidden until the results are revealed.",
  ],
  [
    "frozen",
    isFrozen,
    "The scoreboard is frozen: what is submitted from now on is hidden until the results are revealed.",
  ],
  ["unofficial", (state) => state.ended && !state.finalized, "The contest is over. These results are not final."],
  ["final", (state) => state.finalized, "These results are final."],
];

function renderBanner(state) {
  const [kind, , text] = BANNERS.find(([, applies]) => known.board !== null && applies(state)) ?? ["", null, ""];
  tellBanner(kind, text);
}

function tellBanner(kind, text) {
  at("banner").hidden = text === "";
  at("banner").className = `banner ${kind}`;
  writeText(at("banner"), text);
}
