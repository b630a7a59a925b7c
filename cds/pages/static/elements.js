// Small ways to make elements. Text from the contest only ever becomes textContent. Must not know the
// contest, but for where its API is.

import { api } from "./contest.js";

const SQUARE_PX = 56; // for the logo of a contest or an organization

export const page = document.documentElement;
export const at = (id) => document.getElementById(id);

export function made(tag, className, ...inside) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...inside);
  return element;
}

export function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}

export function sign(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "sign");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#sign-${name}`);
  svg.append(use);
  return svg;
}

export function writeText(element, text) {
  if (element.textContent !== text) element.textContent = text; // what is the same is not read aloud again
}

// A ground of this colour, where it is one, and text that can be read on it.
export function painted(element, rgb) {
  if (!/^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(rgb ?? "")) return element;
  element.style.backgroundColor = rgb;
  element.style.color = readableOn(rgb);
  return element;
}

function readableOn(rgb) {
  const digits = rgb.length === 4 ? [...rgb.slice(1)].map((digit) => digit + digit) : rgb.slice(1).match(/../g);
  const [red, green, blue] = digits.map((pair) => parseInt(pair, 16));
  return red * 0.299 + green * 0.587 + blue * 0.114 > 140 ? "#000000" : "#ffffff";
}

// The dark colours are a style sheet of their own, in force by what the system prefers or by choice.
export const isDark = () => matchMedia(at("dark-colours").media).matches;

// The picture of a list of file references that suits the square on the present ground best.
export function picture(files) {
  const ground = isDark() ? "dark" : "light";
  const images = (files ?? []).filter((file) => file.href && String(file.mime).startsWith("image/"));
  const onOther = (file) => Boolean(file.tag?.length) && !file.tag.includes(ground);
  const tooSmall = (file) => (SQUARE_PX - file.width) * 100;
  const fit = (file) => (file.width >= SQUARE_PX ? file.width - SQUARE_PX : tooSmall(file)) + (onOther(file) ? 1e6 : 0);
  const best = images.sort((a, b) => fit(a) - fit(b))[0];
  const url = best && new URL(best.href, api);
  return url && /^https?:$/.test(url.protocol) ? url.href : null;
}
