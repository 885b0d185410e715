/* The text of a bulletin with the words that are read otherwise: a tap on one opens the field to correct it. */
"use strict";

(() => {
  // What compose.js kept on this computer has arrived.
  try {
    const sent = sessionStorage.getItem("compose:sent");
    if (sent && document.querySelector("main > .alert-success")) localStorage.removeItem(sent);
    sessionStorage.removeItem("compose:sent");
  } catch { /* nothing was kept */ }

  const say = document.getElementById("say");
  const shown = document.querySelector("[data-marks]");
  if (shown && shown.dataset.marks) {
    fetch(shown.dataset.marks, { headers: { Accept: "text/html" }, redirect: "error", signal: AbortSignal.timeout(20000) })
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(String(answer.status)))))
      .then((html) => { shown.innerHTML = html; })
      .catch(() => {});
  }
  if (!say || !shown) return;
  const [written, spoken] = [say.querySelector("#written"), say.querySelector("#spoken")];
  shown.addEventListener("click", (event) => {
    const mark = event.target.closest("a.said");
    if (!mark) return;
    event.preventDefault();
    written.value = mark.textContent;
    spoken.value = mark.dataset.spoken;
    say.open = true;
    say.classList.add("tapped");
    spoken.focus({ preventScroll: true });
    spoken.select();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && say.classList.contains("tapped")) { say.open = false; say.classList.remove("tapped"); } });
})();
