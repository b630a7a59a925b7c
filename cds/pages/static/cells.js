// One cell of the board: what it says, as a sign and texts that need no colour, and how that is written.

import { isFull } from "./awards.js";
import { made, painted, sign, withRole } from "./elements.js";
import { asMinutes } from "./times.js";

// `first` is whether this team was first to solve the problem.
export function cellTexts(cell, problem, { first, frozen, scored }) {
  if (cell === undefined || cell.num_judged + cell.num_pending === 0) return { kind: "untouched", heard: "not tried" };
  const tries = triesText(cell);
  const done = scored ? cell.score > 0 : cell.solved;
  const number = !done ? "" : scored ? String(cell.score) : asMinutes(cell.time);
  const said = (kind, sign, words) => {
    return { kind, sign, number, tries, first: sign === "first", heard: `${words}, ${number} ${tries}` };
  };
  if (cell.num_pending > 0 && frozen) return said("frozen", "frozen", "result hidden by the freeze");
  if (cell.num_pending > 0) return said("pending", "pending", "being judged");
  if (!done) return said("failed", "failed", "not solved");
  if (!isFull(cell, problem, scored)) return said("partial", "partial", "part of the score");
  return first ? said("solved", "first", "first to solve") : said("solved", "solved", "solved");
}

function triesText({ num_judged: judged, num_pending: pending }) {
  if (judged + pending === 1) return "1 try";
  return judged > 0 && pending > 0 ? `${judged}+${pending} tries` : `${judged + pending} tries`;
}

export function cellElement(said, problem) {
  const label = painted(made("span", "label", problem.label), problem.rgb);
  const box = made("div", `cell ${said.kind}${said.first ? " first" : ""}`, label);
  const what = made("span", "what");
  if (said.sign) what.append(sign(said.sign));
  if (said.number) what.append(made("span", "number", said.number));
  box.append(what);
  if (said.tries) box.append(made("span", "tries", said.tries));
  box.setAttribute("aria-hidden", "true");
  const heard = made("span", "only-heard", `${problem.label}: ${said.heard}`);
  const cell = withRole(made("td", "problem", box, heard), "cell");
  cell.dataset.kind = said.kind;
  cell.dataset.problem = problem.id;
  return cell;
}
