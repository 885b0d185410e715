/* Parts of a page that are told when there is something new. Without this file they ask every few seconds. */
"use strict";

for (const part of document.querySelectorAll("[data-events]")) {
  const most = 20000; // what time alone changes (a station fallen silent) is told by nobody
  let source = null, asked = 0, timer = null, over = false;

  const show = (html) => {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.innerHTML = html;
    const again = focused && document.getElementById(focused);
    if (again) again.focus({ preventScroll: true });
  };
  const fetchAnew = async () => {
    timer = null;
    asked = Date.now();
    try {
      const answer = await fetch(part.dataset.fragment, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
    } catch { /* the next news, or the next look by the clock, comes soon */ }
    later(most);
  };
  const pace = () => 1000 * (Number(part.querySelector("[data-pace]")?.dataset.pace) || 1);
  const later = (wait) => {
    if (!source) return;
    const at = Math.max(asked + pace(), Date.now() + wait);
    clearTimeout(timer);
    timer = setTimeout(fetchAnew, Math.max(0, at - Date.now()));
  };
  const close = () => {
    if (source) source.close();
    source = null;
    clearTimeout(timer);
    delete part.dataset.live; // the page asks by itself again
  };
  const open = () => {
    if (over || source || document.hidden || !window.EventSource) return;
    source = new EventSource(part.dataset.events);
    source.addEventListener("open", () => { part.dataset.live = "1"; later(most); });
    source.addEventListener("news", () => later(0));
    source.addEventListener("over", () => { over = true; close(); });
    source.addEventListener("error", () => {
      delete part.dataset.live;
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 60000);
      }
    });
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  open();
}
