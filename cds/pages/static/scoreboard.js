// The live scoreboard of one contest, from what the Contest API tells everybody: everything begins here.

import { arrange, chooseColours, isScrolling, nameOtherColours, scrollByItself, systemIsDark } from "./appearance.js";
import { render } from "./board.js";
import { at, isDark } from "./elements.js";
import { beat, chooseGroup, follow, rest, tellConnection } from "./following.js";
import { tick } from "./head.js";

const TICK_MS = 1_000;

const asked = new URLSearchParams(location.search);
if (["dark", "light"].includes(asked.get("theme"))) chooseColours(asked.get("theme"));
else nameOtherColours();
if (asked.get("scroll") === "auto") scrollByItself(true);

at("theme").addEventListener("click", () => { chooseColours(isDark() ? "light" : "dark"); render(); });
at("scroll").addEventListener("click", () => scrollByItself(!isScrolling()));
at("group").addEventListener("change", () => chooseGroup(at("group").value));
systemIsDark.addEventListener("change", () => { nameOtherColours(); render(); });
addEventListener("popstate", () => { render(); follow(); });
addEventListener("resize", () => arrange());
addEventListener("online", () => follow());
addEventListener("offline", () => tellConnection("lost"));
document.addEventListener("visibilitychange", rest);
new ResizeObserver(() => arrange()).observe(document.querySelector(".top"));

setInterval(tick, TICK_MS);
beat();
arrange();
follow();
