// What is known of the contest, and how the Contest API is asked for it. Must not know how the page looks.
//
// It asks without credentials and for the frozen board (frozen=true): whoever happens to be logged in in this browser,
// the page shows what the public may see.

import { FIRST_TO_SOLVE } from "./awards.js";

const REQUEST_MS_MAX = 10_000;

const { dataset } = document.documentElement;
export const api = new URL(dataset.api, location.href);
const contestUrl = `${api.href}contests/${encodeURIComponent(dataset.contest)}`;

export const known = {
  contest: null,
  board: null, // the one that is shown
  boardId: null, // and its id, for following it
  mainBoard: null, // the one of no chosen group, as far as it is needed
  problems: [],
  teams: new Map(),
  organizations: new Map(),
  groups: [],
  awards: [],
  public: true, // whether the server takes us for the public
};
let clockAheadMs = 0; // how much the server's clock is ahead of ours

export const nowMs = () => Date.now() + clockAheadMs;
export const chosenGroup = () => new URLSearchParams(location.search).get("group_id") ?? "";
export const isScored = () => known.contest.scoreboard_type === "score";
export const isFrozen = (state) => Boolean(state.frozen) && !state.thawed;

// Raises an Error with the `status` where the server answers with one that is no success.
export async function ask(url, init = {}) {
  const sentMs = Date.now();
  const signal = AbortSignal.timeout(REQUEST_MS_MAX);
  const response = await fetch(url, { credentials: "omit", cache: "no-cache", signal, ...init });
  const serverMs = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isFinite(serverMs)) {
    const aheadMs = serverMs + 500 - (sentMs + Date.now()) / 2;
    clockAheadMs = Math.abs(aheadMs - clockAheadMs) > 1_000 ? aheadMs : clockAheadMs; // Date tells whole seconds only
  }
  if (!response.ok) throw Object.assign(new Error(`${response.status}`), { status: response.status });
  return response;
}

async function take(endpoint, use) {
  use(await (await ask(`${contestUrl}${endpoint}`)).json());
}

const byId = (objects) => new Map(objects.map((object) => [object.id, object]));

// Everything but the board that is shown. Who is logged in by the address alone might see awards that are hidden from
// spectators.
export async function refresh() {
  await take("/access", (access) => { known.public = access.capabilities.length === 0; });
  await Promise.all([
    refreshContest(),
    take("/problems", (problems) => { known.problems = problems.sort((a, b) => a.ordinal - b.ordinal); }),
    take("/teams", (teams) => { known.teams = byId(teams); }),
    take("/organizations", (organizations) => { known.organizations = byId(organizations); }),
    take("/groups", (groups) => { known.groups = groups; }),
    takeAwards(),
  ]);
  await takeMainBoard();
}

export async function refreshContest() {
  await take("", (contest) => { known.contest = contest; });
}

export async function refreshAwards() {
  await takeAwards();
  await takeMainBoard();
}

async function takeAwards() {
  if (known.public) await take("/awards", (awards) => { known.awards = awards; });
  else known.awards = [];
}

// The main board tells who was first where no award does; beside that of a chosen group it is not followed.
async function takeMainBoard() {
  const awarded = new Set(known.awards.map((award) => award.id));
  if (chosenGroup() === "" || known.problems.every(({ id }) => awarded.has(FIRST_TO_SOLVE + id))) return;
  await take("/scoreboard?frozen=true", (board) => { known.mainBoard = board; });
}

export function boardUrl(more = {}) {
  const query = new URLSearchParams({ frozen: "true", ...more });
  if (chosenGroup() !== "") query.set("group_id", chosenGroup());
  return `${contestUrl}/scoreboard?${query}`;
}
