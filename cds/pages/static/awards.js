// Who has a medal and who was first to solve what: from the awards, or else from the board. Must not know the page.

import { relativeMs } from "./times.js";

export const FIRST_TO_SOLVE = "first-to-solve-";
const MEDALS = [["bronze-medal", "bronze"], ["silver-medal", "silver"], ["gold-medal", "gold"]]; // the best last

// Team id → its best medal.
export function medalsOf(awards) {
  const teamsOf = (id) => awards.find((award) => award.id === id)?.team_ids ?? [];
  return new Map(MEDALS.flatMap(([id, medal]) => teamsOf(id).map((team) => [team, medal])));
}

// Problem id → ids of the teams that were first. An award rules, also one that nobody has yet. Without one, as when
// awards came from elsewhere and are hidden until the thaw, the earliest on the main board of spectators are it.
export function firstsOf(awards, problems, board, scored, frozen) {
  const awarded = new Map(awards.map((award) => [award.id, new Set(award.team_ids ?? [])]));
  return new Map(problems.map((problem) => {
    return [problem.id, awarded.get(FIRST_TO_SOLVE + problem.id) ?? earliest(problem, board, scored, frozen)];
  }));
}

// What was submitted in the freeze is later than all that the board shows; before, a pending one may be the first.
function earliest(problem, board, scored, frozen) {
  const cells = (board?.rows ?? []).flatMap((row) => {
    return row.problems.filter((cell) => cell.problem_id === problem.id).map((cell) => [cell, row.team_id]);
  });
  if (!frozen && cells.some(([cell]) => cell.num_pending > 0)) return new Set();
  const solved = cells.filter(([cell]) => cell.time && isFull(cell, problem, scored));
  const first = solved.map(([cell]) => relativeMs(cell.time)).reduce((a, b) => Math.min(a, b), Infinity);
  const teams = solved.filter(([cell]) => relativeMs(cell.time) === first).map(([, team]) => team);
  // Boards tell whole minutes: who of several in the same one was first, only an award can tell.
  return new Set(teams.length === 1 ? teams : []);
}

// Whether a problem is solved, in a score contest with all its points.
export function isFull(cell, problem, scored) {
  return scored ? cell.score > 0 && cell.score >= (problem.max_score ?? 0) : cell.solved;
}
