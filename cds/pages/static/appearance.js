// The page itself: how it fits its window, its colours, scrolling by itself. Must not know what a contest is.

import { at, isDark, page } from "./elements.js";

const CELL_PX_MIN = 44; // narrower cells than this become a second line
const CELL_REM_MAX = 4.3;
const COMPACT_PX = 700; // narrower windows than this are telephones
const FIXED_REM = 30; // rank, name and total in a wide table
const COLUMNS_MAX = 15; // of cells side by side in two lines
const SCROLL_PX_S = 60;
const SCROLL_MS = 25;
const SCROLL_PAUSE_MS = 5_000;

export const calm = matchMedia("(prefers-reduced-motion: reduce)");
export const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

let columns = 1;

// Fit the page to its window, and to so many problems where that has changed.
export function arrange(problems = columns) {
  columns = Math.max(problems, 1);
  const rem = parseFloat(getComputedStyle(page).fontSize);
  const width = page.clientWidth;
  const cell = (width - FIXED_REM * rem) / columns;
  page.classList.toggle("compact", cell < CELL_PX_MIN || width < COMPACT_PX);
  page.classList.toggle("roomy", width / Math.min(columns, COLUMNS_MAX) >= CELL_PX_MIN);
  page.style.setProperty("--columns", String(columns));
  page.style.setProperty("--cell-width", `${Math.min(cell, CELL_REM_MAX * rem)}px`);
  page.style.setProperty("--top-height", `${document.querySelector(".top").offsetHeight}px`);
}

// Colours of "dark" or "light", whatever the system prefers.
export function chooseColours(theme) {
  at("dark-colours").media = theme === "dark" ? "all" : "not all";
  nameOtherColours();
}

export function nameOtherColours() {
  at("theme").textContent = isDark() ? "Light" : "Dark";
}

let scrolling = null;

export const isScrolling = () => scrolling !== null;

export function scrollByItself(wanted) {
  at("scroll").setAttribute("aria-pressed", String(wanted));
  clearInterval(scrolling);
  scrolling = null;
  if (!wanted) return;
  let waitUntilMs = performance.now() + SCROLL_PAUSE_MS;
  const step = calm.matches ? SCROLL_PAUSE_MS : SCROLL_MS;
  const byPx = calm.matches ? innerHeight * 0.7 : (SCROLL_PX_S * step) / 1000;
  let position = scrollY;
  scrolling = setInterval(() => {
    if (performance.now() < waitUntilMs) return;
    const end = page.scrollHeight - innerHeight;
    if (scrollY >= end - 1) {
      position = 0;
      waitUntilMs = performance.now() + SCROLL_PAUSE_MS;
    } else {
      position = Math.min(end, Math.max(position, scrollY) + byPx);
      if (position >= end) waitUntilMs = performance.now() + SCROLL_PAUSE_MS;
    }
    scrollTo(0, position);
  }, step);
}
