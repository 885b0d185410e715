/* What is on air, live: figures come as differences, seconds are counted here. Without this file the page asks again by itself. */
"use strict";

for (const part of document.querySelectorAll("[data-air-events]")) {
  const language = document.documentElement.lang;
  const names = ["waiting", "not_ready", "silent", "preempted", "playing", "played", "partial", "missed"]; // as the server counts
  const bar = ["playing", "played", "partial", "preempted", "missed", "silent", "not_ready", "waiting"]; // as it is drawn
  const state = document.querySelector("[data-air-state]");
  const whole = part.dataset.airWhole || "";
  let source = null, mark = "", skew = 0, asking = false, again = false, over = false, lines = [], asked = 0;

  const figure = (number) => number.toLocaleString(language);
  const clock = (seconds) => {
    const s = Math.max(0, Math.round(seconds)), h = Math.floor(s / 3600);
    const rest = `${h ? String(Math.floor((s % 3600) / 60)).padStart(2, "0") : Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
    return h ? `${h}:${rest}` : rest;
  };

  // What the part says of itself: how new it is, and its lines with what of them moves.
  const learn = () => {
    const stamp = part.querySelector("[data-mark]");
    mark = stamp ? stamp.dataset.mark : "";
    if (stamp) skew = Number(stamp.dataset.now) - Date.now();
    lines = [...part.querySelectorAll("[data-air]")].map((line) => ({
      line, starts: Number(line.dataset.starts), ends: Number(line.dataset.ends),
      items: line.dataset.items ? JSON.parse(line.dataset.items) : [], index: -1,
      done: line.querySelector("[data-done]"), left: line.querySelector("[data-left]"),
      item: line.querySelector("[data-item]"), next: line.querySelector("[data-next]"), nextLine: line.querySelector("[data-next-line]"),
      waits: Number(line.dataset.starts) > Date.now() + skew, runs: line.classList.contains("live"),
    }));
  };

  const second = () => {
    if (document.hidden) return;
    const now = Date.now() + skew;
    let turned = false;
    for (const each of lines) {
      if (each.waits && now >= each.starts) { each.waits = false; turned = true; }
      if (!each.done) continue;
      const long = Math.max(each.ends - each.starts, 1000), gone = Math.min(Math.max(now - each.starts, 0), long);
      each.done.setAttribute("width", (1000 * gone / long).toFixed(1));
      each.left.textContent = `${clock(gone / 1000)} / ${clock(long / 1000)}`;
      if (each.runs && now >= each.ends) { each.runs = false; turned = true; }
      if (!each.item || !each.items.length) continue;
      let index = -1;
      while (index + 1 < each.items.length && each.items[index + 1][0] * 1000 <= gone) index += 1;
      if (index === each.index) continue;
      each.index = index;
      each.item.textContent = index < 0 ? "" : each.items[index][1];
      const next = each.items[index + 1];
      if (each.next) each.next.textContent = next ? next[1] : "";
      if (each.nextLine) each.nextLine.hidden = !next;
    }
    if (turned) soon(400 + 1200 * Math.random());
  };

  // One line's figures, told anew.
  const count = (line, counts) => {
    const total = counts.reduce((sum, each) => sum + each, 0);
    let at = 0;
    for (const name of bar) {
      const many = counts[names.indexOf(name)], piece = line.querySelector(`[data-part="${name}"]`);
      const long = total ? 1000 * many / total : 0;
      if (piece) { piece.setAttribute("x", at.toFixed(1)); piece.setAttribute("width", long.toFixed(1)); }
      at += long;
      const chip = line.querySelector(`[data-standing="${name}"]`);
      if (chip) { chip.hidden = !many; chip.firstElementChild.textContent = figure(many); }
    }
    const said = line.querySelector("[data-said]");
    if (said) said.textContent = said.dataset.said.replace("{begun}", figure(counts[4] + counts[5] + counts[6])).replace("{stations}", figure(total));
  };

  const fetchAnew = async () => {
    if (asking) { again = true; return; }
    asking = true; again = false; asked = Date.now();
    try {
      const answer = await fetch(part.dataset.fragment, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
      part.innerHTML = html;
      learn(); second();
      if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    } catch { /* the next event, or the next look by the clock, comes soon */ }
    asking = false;
    if (again) soon(1000);
  };
  let timer = null;
  const soon = (wait) => {
    if (timer) return;
    timer = setTimeout(() => { timer = null; fetchAnew(); }, Math.max(wait, asked + 2000 - Date.now()));
  };

  const told = (event) => {
    mark = event.lastEventId || mark;
    const news = JSON.parse(event.data);
    if (Math.abs(news.t - Date.now() - skew) > 2000) skew = news.t - Date.now();
    if (whole) { if (news.c[whole]) soon(0); return; }
    for (const [key, counts] of Object.entries(news.c)) {
      const line = part.querySelector(`[data-air="${key}"]`);
      if (line) count(line, counts);
    }
  };

  const show = (live) => {
    if (live) part.dataset.live = "1"; else delete part.dataset.live; // then loa.js asks every few seconds
    if (state) { state.hidden = false; state.textContent = live ? state.dataset.live : state.dataset.slow; }
  };
  const close = () => {
    if (source) source.close();
    source = null;
    show(false);
  };
  const open = () => {
    if (over || source || document.hidden || !window.EventSource) return;
    source = new EventSource(`${part.dataset.airEvents}?since=${encodeURIComponent(mark)}`);
    source.addEventListener("open", () => show(true));
    source.addEventListener("counts", told);
    source.addEventListener("again", (event) => { mark = event.lastEventId || mark; soon(800 * Math.random()); });
    source.addEventListener("over", () => { over = true; close(); fetchAnew(); });
    source.addEventListener("error", () => {
      show(false);
      if (source && source.readyState === EventSource.CLOSED) { close(); setTimeout(open, 60000); }
    });
  };
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else { fetchAnew(); open(); } });
  window.addEventListener("pagehide", close);
  // loa.js puts the part in anew while there is no stream.
  new MutationObserver(() => { if (!asking) learn(); }).observe(part, { childList: true });
  learn(); second();
  setInterval(second, 1000);
  open();
}
