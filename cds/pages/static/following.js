// Following the board: fetch it, then stream what changes; where that is refused, fetch it again and again. Must not
// know how a board is drawn.

import { render } from "./board.js";
import { ask, boardUrl, chosenGroup, known, refresh, refreshAwards, refreshContest } from "./contest.js";
import { at } from "./elements.js";
import { tellGone } from "./head.js";
import { asTimeOfDay, between, pause } from "./times.js";

const POLL_MS = 5_000; // how often the board is fetched where it cannot be streamed
const STREAM_AGAIN_MS = 30_000; // when a refused stream is tried again
const RETRY_MS = [1_000, 3_000]; // a server that does not answer is asked again somewhere in between
const GONE_MS = [45_000, 75_000]; // and one that says that there is no such contest
const RECONNECTING_MS_MAX = 8_000; // what the browser has for connecting again by itself
const HEARTBEAT_MS = 20_000; // how often the contest is asked for, also to see whether the server is there
const EVERYTHING_BEATS = 6; // every so many heartbeats everything is looked at
const EVERYTHING_MS = [0, 100]; // everything follows the board this much later
const AWARDS_MS = [1_000, 2_500]; // and awards this much, not everybody at once
const HIDDEN_MS = 30_000; // how long a page that nobody sees keeps its stream
const NO_SUCH_CONTEST = 404;

let connection = "waiting"; // or live, polling, lost, gone
let contactMs = Date.now(); // when the board was last known to be the latest
let turn = 0; // counts who follows; whoever finds that it went on is not asked any more
let endStream = () => {};

export async function follow() {
  const mine = ++turn;
  let streamAtMs = 0;
  endStream();
  while (mine === turn) {
    try {
      if (known.contest === null) await refresh();
      await fetchBoard(mine);
    } catch (error) {
      const gone = error.status === NO_SUCH_CONTEST;
      if (mine !== turn || (gone && chooseGroup("", true))) return;
      if (gone) forget();
      tellConnection(gone ? "gone" : "lost");
      await pause(between(gone ? GONE_MS : RETRY_MS));
      continue;
    }
    if (mine !== turn) return;
    if (performance.now() >= streamAtMs) {
      if (!(await stream())) streamAtMs = performance.now() + STREAM_AGAIN_MS;
    } else {
      tellConnection("polling");
      await pause(POLL_MS);
    }
  }
}

async function fetchBoard(mine) {
  const response = await ask(boardUrl(), { headers: { Accept: "application/json" } });
  const tag = /^(?:W\/)?"(.*?)(?:-gzip)?"$/.exec(response.headers.get("ETag") ?? "");
  const board = await response.json();
  if (mine === turn) show(board, tag ? tag[1] : null); // else another group was chosen meanwhile
}

// Comes back when the stream has ended; whether it ever was one.
function stream() {
  return new Promise((resolve) => {
    const source = new EventSource(boardUrl(known.boardId === null ? {} : { last_event_id: known.boardId }));
    let opened = false;
    let waiting = setTimeout(() => endStream(), RECONNECTING_MS_MAX);
    endStream = () => {
      clearTimeout(waiting);
      source.close();
      endStream = () => {};
      resolve(opened);
    };
    source.onopen = () => {
      opened = true;
      clearTimeout(waiting);
      tellConnection("live");
    };
    source.onerror = () => {
      if (connection === "live") contactMs = Date.now();
      if (opened) tellConnection("lost");
      if (source.readyState === EventSource.CLOSED) { endStream(); return; }
      clearTimeout(waiting);
      waiting = setTimeout(() => endStream(), RECONNECTING_MS_MAX);
    };
    source.addEventListener("scoreboard", (event) => show(JSON.parse(event.data), event.lastEventId));
    source.addEventListener("changes", (event) => {
      const board = applied(known.board, JSON.parse(event.data));
      if (board === null) endStream();
      else show(board, event.lastEventId);
    });
  });
}

// What the changes make of a board: every team they do not name stays at its index. Null where they do not fit.
function applied(board, changes) {
  const before = new Map(board.rows.map((row) => [row.team_id, row]));
  const rows = board.rows.slice();
  rows.length += changes.rows.filter((row) => !before.has(row.team_id)).length - changes.removed.length;
  for (const { index, ...row } of changes.rows) rows[index] = row.score ? row : { ...before.get(row.team_id), ...row };
  if (rows.includes(undefined)) return null;
  return { time: changes.time, contest_time: changes.contest_time, state: changes.state, rows };
}

function show(board, id) {
  const before = known.board;
  known.board = board;
  known.boardId = id;
  if (chosenGroup() === "") known.mainBoard = board;
  contactMs = Date.now();
  const newTeams = board.rows.some((row) => !known.teams.has(row.team_id));
  const newProblems = (board.rows[0]?.problems.length ?? 0) !== known.problems.length;
  const newState = JSON.stringify(before?.state) !== JSON.stringify(board.state);
  render();
  if (before !== null) followUp(newTeams || newProblems || newState);
}

let followingUp = null;
let everythingWanted = false;

// Fetch what may have changed with the board, a little later and once for everything that comes meanwhile.
function followUp(everything) {
  everythingWanted ||= everything;
  followingUp ??= setTimeout(async () => {
    const all = everythingWanted;
    followingUp = null;
    everythingWanted = false;
    try {
      await (all ? refresh() : refreshAwards());
      render();
    } catch {
      // The stream or the next round tells whether the server is there.
    }
  }, between(everything ? EVERYTHING_MS : AWARDS_MS));
}

// Show the board of another group, "" for the main one; false when it is shown already.
export function chooseGroup(id, inPlace = false) {
  if (chosenGroup() === id) return false;
  const url = new URL(location.href);
  if (id) url.searchParams.set("group_id", id);
  else url.searchParams.delete("group_id");
  history[inPlace ? "replaceState" : "pushState"](null, "", url);
  follow();
  return true;
}

export function tellConnection(kind) {
  connection = kind;
  const texts = {
    live: "live",
    polling: "updated every few seconds",
    lost: `connection lost, showing ${asTimeOfDay(contactMs)}`,
    gone: "no such contest any more",
  };
  at("connection").dataset.kind = kind;
  at("connection").textContent = texts[kind];
  if (known.board === null && kind === "lost") at("empty").textContent = "The server does not answer; trying again.";
}

// The contest is gone. Should one of its name be there again, everything is asked for anew.
function forget() {
  known.contest = null;
  tellGone();
}

// Ask for the contest, now and then for everything: a stream can look alive for long after the network has gone.
export function beat() {
  let beats = 0;
  setInterval(async () => {
    beats += 1;
    if (document.visibilityState === "hidden" || connection === "gone") return;
    try {
      await (beats % EVERYTHING_BEATS === 0 ? refresh() : refreshContest());
      if (connection === "live") contactMs = Date.now();
      render();
    } catch (error) {
      if (error.status !== NO_SUCH_CONTEST) tellConnection("lost");
      endStream(); // whoever follows looks what it is
    }
  }, HEARTBEAT_MS + between(AWARDS_MS));
}

let resting = null;

// A page that nobody looks at lets go of its stream: browsers have only a few connections for all their tabs.
export function rest() {
  clearTimeout(resting);
  if (document.visibilityState === "hidden") {
    resting = setTimeout(() => {
      turn += 1;
      endStream();
      connection = "waiting";
    }, HIDDEN_MS);
  } else if (connection === "waiting") {
    follow();
  }
}
