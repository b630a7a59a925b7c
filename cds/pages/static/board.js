// The table: its columns and rows, and the moving of rows. Must not know where the board comes from.

import { arrange, calm } from "./appearance.js";
import { firstsOf, medalsOf } from "./awards.js";
import { cellElement, cellTexts } from "./cells.js";
import { isFrozen, isScored, known } from "./contest.js";
import { at, made, painted, picture, withRole } from "./elements.js";
import { renderHead } from "./head.js";
import { asClock, asMinutes, relativeMs } from "./times.js";

const MOVE_MS = 900;
const NEWS_MS = 3_000;
const NEWS_MAX = 3; // of what changed at once, so much is read aloud

const rowsShown = new Map(); // team id → what is on the page

// Everything on the page, from what is known.
export function render() {
  if (known.contest === null) return;
  renderHead();
  if (known.board !== null) renderBoard(known.board);
}

function renderBoard(board) {
  const tops = new Map([...rowsShown].map(([id, shown]) => [id, shown.element.getBoundingClientRect().top]));
  const scored = isScored();
  const frozen = isFrozen(board.state);
  const medals = medalsOf(known.awards);
  const firsts = firstsOf(known.awards, known.problems, known.mainBoard, scored, frozen);
  const context = { firsts, frozen, scored, begun: Boolean(board.state.started), news: [] };
  renderColumns(board, scored);
  const body = at("rows");
  board.rows.forEach((row, index) => {
    const shown = shownRow(row.team_id);
    renderRow(shown, row, { medal: medals.get(row.team_id), ...context });
    if (body.children[index] !== shown.element) body.insertBefore(shown.element, body.children[index] ?? null);
  });
  removeOthers(new Set(board.rows.map((row) => row.team_id)));
  at("board").hidden = board.rows.length === 0;
  at("empty").hidden = board.rows.length > 0;
  at("empty").textContent = "No teams are on this scoreboard.";
  if (tops.size > 0) moveRows(tops);
  if (context.news.length > 0) at("news").textContent = context.news.slice(0, NEWS_MAX).join(" ");
}

function removeOthers(present) {
  for (const [id, shown] of rowsShown) {
    if (present.has(id)) continue;
    shown.element.remove();
    rowsShown.delete(id);
  }
}

function renderColumns(board, scored) {
  const solvers = new Map();
  for (const row of board.rows) {
    for (const { problem_id: id, solved, score } of row.problems) {
      if (solved || score > 0) solvers.set(id, (solvers.get(id) ?? 0) + 1);
    }
  }
  const signature = JSON.stringify([scored, known.problems, [...solvers]]);
  if (at("head").dataset.signature === signature) return;
  at("head").dataset.signature = signature;
  const problems = known.problems.map((problem) => problemColumn(problem, solvers.get(problem.id) ?? 0));
  const total = column("total", scored ? "Score" : "Solved", made("span", "solvers", "time"));
  at("head").replaceChildren(column("rank", "Rank"), column("team", "Team"), total, ...problems);
  at("partial-legend").hidden = !scored;
  arrange(known.problems.length);
}

function problemColumn(problem, solvers) {
  const balloon = painted(made("span", "balloon", problem.label), problem.rgb);
  const cell = column("problem", balloon, made("span", "solvers", String(solvers)));
  cell.title = problem.name;
  cell.setAttribute("aria-label", `Problem ${problem.label}, ${problem.name}; solved by ${solvers}`);
  return cell;
}

function column(className, ...inside) {
  const cell = withRole(made("th", className, ...inside), "columnheader");
  cell.scope = "col";
  return cell;
}

function shownRow(teamId) {
  let shown = rowsShown.get(teamId);
  if (shown === undefined) {
    const element = withRole(made("tr", ""), "row");
    element.dataset.team = teamId;
    shown = { element, signature: "", cells: new Map() };
    rowsShown.set(teamId, shown);
  }
  return shown;
}

function renderRow(shown, row, context) {
  const team = known.teams.get(row.team_id) ?? { name: row.team_id };
  const organization = known.organizations.get(team.organization_id);
  const name = team.display_name || team.name;
  const logo = picture(organization?.logo);
  const cells = new Map(row.problems.map((cell) => [cell.problem_id, cell]));
  const said = known.problems.map((problem) => {
    const first = context.firsts.get(problem.id).has(row.team_id);
    return cellTexts(cells.get(problem.id), problem, { first, ...context });
  });
  const labels = known.problems.map((problem) => [problem.id, problem.label, problem.rgb]);
  const whose = [name, organization?.formal_name, organization?.name, logo];
  const signature = JSON.stringify([row.rank, row.ext, row.score, said, labels, whose, context.medal, context.begun]);
  if (shown.signature === signature) return;
  shown.signature = signature;
  const tds = known.problems.map((problem, index) => {
    const tell = () => context.news.push(`${name} solved ${problem.label}, now rank ${row.rank}.`);
    return renderCell(shown, problem, said[index], tell);
  });
  const risen = shown.element.classList.contains("risen") ? "risen" : "";
  shown.element.className = [context.medal ?? "", risen].join(" ").trim();
  const header = teamHeader(name, organization, logo);
  shown.element.replaceChildren(rankCell(row, context), header, totalCell(row, context), ...tds);
}

// A cell that says something else than before is marked; `tell` is called where it is solved now.
function renderCell(shown, problem, said, tell) {
  const element = cellElement(said, problem);
  const before = shown.cells.get(problem.id);
  shown.cells.set(problem.id, said);
  if (before !== undefined && JSON.stringify(before) !== JSON.stringify(said)) {
    element.firstChild.classList.add("news");
    if (said.kind === "solved" && before.kind !== "solved") tell();
  }
  return element;
}

function rankCell(row, { begun, medal }) {
  const cell = withRole(made("td", "rank", made("span", "place", begun ? String(row.rank) : "–")), "cell");
  if (medal) cell.append(made("span", "medal", medal));
  if (begun && row.ext?.sync?.rank) cell.append(theirRank(row.ext.sync.rank));
  return cell;
}

// The rank that the platform itself gives, of a contest that comes from one.
function theirRank(rank) {
  const platform = known.contest.ext?.sync?.platform ?? "its platform";
  const mark = made("span", "theirs", made("span", "only-heard", `, on ${platform} `), `(${rank})`);
  mark.title = `Rank ${rank} on ${platform}`;
  return mark;
}

function totalCell({ score }, { begun, scored }) {
  const cell = withRole(made("td", "total"), "cell");
  const points = scored ? score.score : score.num_solved;
  const time = scored ? (score.time ? asClock(relativeMs(score.time)) : "") : asMinutes(score.total_time);
  if (begun) cell.append(made("span", "points", String(points)), made("span", "time", time));
  return cell;
}

function teamHeader(name, organization, logo) {
  const box = made("div", "logo-box");
  if (logo !== null) {
    const image = made("img");
    image.alt = "";
    image.loading = "lazy";
    image.addEventListener("error", () => image.remove());
    image.src = logo;
    box.append(image);
  }
  const from = organization?.formal_name || organization?.name || "";
  const names = made("div", "names", made("span", "team-name", name), made("span", "organization", from));
  for (const line of names.children) line.dir = "auto";
  names.title = name;
  const header = withRole(made("th", "team", made("div", "team-box", box, names)), "rowheader");
  header.scope = "row";
  return header;
}

// Every row begins where it was seen and moves to where it is; those that rise are marked for a while.
function moveRows(tops) {
  const stayed = [...rowsShown].filter(([id]) => tops.has(id));
  for (const [, shown] of stayed) shown.moving?.cancel();
  const moves = stayed.map(([id, shown]) => [shown, tops.get(id) - shown.element.getBoundingClientRect().top]);
  for (const [shown, byPx] of moves) {
    if (Math.abs(byPx) < 1) continue;
    if (byPx > shown.element.offsetHeight / 2) {
      clearTimeout(shown.fading);
      shown.element.classList.add("risen");
      shown.fading = setTimeout(() => shown.element.classList.remove("risen"), NEWS_MS);
    }
    if (!calm.matches && document.visibilityState === "visible") {
      const way = [{ transform: `translateY(${byPx}px)` }, { transform: "none" }];
      shown.moving = shown.element.animate(way, { duration: MOVE_MS, easing: "ease-in-out" });
    }
  }
}
