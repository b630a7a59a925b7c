// Times as the Contest API writes them, and as people read them. Knows no contest and no page.

export function relativeMs(text) {
  const parts = /^(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,3}))?$/.exec(text ?? "");
  if (!parts) return null;
  const ms = ((+parts[2] * 60 + +parts[3]) * 60 + +parts[4]) * 1000 + +(parts[5] ?? "0").padEnd(3, "0");
  return parts[1] ? -ms : ms;
}

export function asClock(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

export const asMinutes = (text) => String(Math.floor((relativeMs(text) ?? 0) / 60_000));
export const asTimeOfDay = (ms) => new Date(ms).toTimeString().slice(0, 8);
export const between = ([from, to]) => from + Math.random() * (to - from);
export const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

export function contestTimeMs(startMs, state, nowMs) {
  let ms = nowMs - startMs;
  for (const interval of state.removed_intervals ?? []) {
    if (interval.end === null || interval.end === undefined) return relativeMs(interval.contest_time);
    ms -= Date.parse(interval.end) - Date.parse(interval.start);
  }
  return ms;
}
