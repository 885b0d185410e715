/* The queue works without this. With it, an act whose network went away says so and waits to be sent again. */
"use strict";

const place = document.querySelector("[data-decide]");
const WAIT_MS = 20000;

if (place) {
  const told = place.querySelector(".thumb-told");
  const buttons = place.querySelectorAll("form button");
  let busy = false;

  const tell = (text) => {
    told.textContent = text;
    told.hidden = !text;
  };

  const send = async (form) => {
    if (busy) return; // a second tap is the same act
    busy = true;
    const button = form.querySelector("button");
    const words = button.dataset.words || button.textContent;
    button.dataset.words = words;
    for (const each of buttons) each.disabled = true;
    button.textContent = place.dataset.sending;
    tell("");
    let next = "";
    try {
      const stop = AbortSignal.timeout(WAIT_MS);
      const answer = await fetch(form.action, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, signal: stop,
      });
      const body = await answer.json();
      if (answer.ok) next = body.next;
      else tell(body.error.message);
      button.textContent = words;
    } catch {
      // No answer: whether the act arrived is not known, and sent again it counts once.
      tell(place.dataset.later);
      button.textContent = place.dataset.again;
    }
    if (next) {
      for (const key of Object.keys(sessionStorage)) if (key.startsWith("kept:return-")) sessionStorage.removeItem(key);
      window.location.assign(next);
      return;
    }
    busy = false;
    for (const each of buttons) each.disabled = false;
  };

  place.addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.target);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload(); // what "back" brings has perhaps been decided
  });
}

for (const form of document.querySelectorAll("[data-undo]")) {
  setTimeout(() => form.remove(), Number(form.dataset.undo) * 1000);
}
