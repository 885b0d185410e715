/* Writing a bulletin: what is typed is kept by itself, here and on the server. The page works without this file. */
"use strict";

(() => {
  const form = document.querySelector("form[data-compose]");
  if (!form) return;
  const told = form.querySelector("[data-typing]");
  const presence = document.querySelector("[data-presence]");
  const key = `typed:${form.dataset.person}:${form.dataset.form}`;
  const isNew = form.dataset.form.startsWith("new-");
  const AFTER = 2000; // ms of rest before what was typed is sent
  const BEAT = 8000; // ms between two signs of life
  let changed = form.hasAttribute("data-changed");
  let leaving = false;
  let sending = false;
  let timer = 0;
  let firstChange = 0;

  const fields = () => {
    const found = {};
    for (const [name, value] of new FormData(form)) if (typeof value === "string" && name !== "csrf_token") found[name] = value;
    return found;
  };
  const hasWords = (found) => Object.entries(found).some(([name, value]) => /(^|-)(title|text)$/.test(name) && value.trim());

  // On this computer: the net below the net, for when the network is away. Removed again once the server has it.
  const putHere = (sent) => {
    try {
      const found = fields();
      if (!sent && hasWords(found)) localStorage.setItem(key, JSON.stringify({ at: Date.now(), fields: found }));
      else localStorage.removeItem(key);
    } catch { /* full or forbidden: the server still keeps it */ }
  };

  const tell = (words, wrong) => {
    told.textContent = words;
    told.classList.toggle("wrong", Boolean(wrong));
  };
  const clock = (date) => `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;

  const show = (answer) => {
    const lines = [...(answer.others || []), ...(answer.changed ? [answer.changed] : [])];
    if (presence.dataset.lines === JSON.stringify(lines)) return;
    presence.dataset.lines = JSON.stringify(lines);
    presence.replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
    presence.hidden = !lines.length;
  };

  const send = async (beat, last) => {
    if (sending && !last) return;
    const body = new FormData();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
    if (beat) {
      for (const name of [...body.keys()]) if (name !== "csrf_token" && name !== "base") body.delete(name);
      body.append("beat", "1");
    } else {
      changed = false;
    }
    sending = true;
    try {
      const answer = await fetch(form.dataset.typed, {
        method: "POST", body, keepalive: Boolean(last), redirect: "manual", headers: { Accept: "application/json" },
        signal: last ? undefined : AbortSignal.timeout(15000),
      });
      if (answer.type === "opaqueredirect" || answer.status === 401) throw Object.assign(new Error("out"), { out: true });
      const said = await answer.json();
      if (!answer.ok) throw Object.assign(new Error("refused"), { words: said.error && said.error.message });
      show(said);
      if (beat) return;
      tell(form.dataset.kept.replace("TIME", said.saved));
      if (!changed) putHere(true);
      // Reloading, going back or changing the language of the page now brings the text by itself.
      if (!leaving) history.replaceState(history.state, "", isNew ? `?note=${form.elements.tab.value}` : "?note=1");
    } catch (error) {
      if (beat) return;
      changed = true;
      putHere(false);
      tell(error.words || (error.out ? form.dataset.signedOut : form.dataset.notKept), true);
      later(10000);
    } finally {
      sending = false;
    }
  };

  const later = (wait) => {
    clearTimeout(timer);
    firstChange = firstChange || Date.now();
    // Somebody who never rests is kept every ten seconds all the same.
    const rest = Math.max(0, Math.min(wait, firstChange + 10000 - Date.now()));
    timer = setTimeout(() => { timer = 0; firstChange = 0; if (changed && !leaving) send(false); }, wait > AFTER ? wait : rest);
  };

  let local = 0;
  form.addEventListener("input", (event) => {
    if (event.target.type === "file") return;
    changed = true;
    clearTimeout(local);
    local = setTimeout(() => putHere(false), 300);
    later(AFTER);
  });
  form.addEventListener("change", (event) => { if (event.target.type !== "file" && event.target.id !== "template") { changed = true; later(AFTER); } });
  setInterval(() => {
    if (document.hidden || leaving) return;
    if (changed && !sending && !timer) send(false);
    else if (!isNew) send(true);
  }, BEAT);

  const leave = () => {
    if (leaving || !changed || !hasWords(fields())) return;
    putHere(false);
    send(false, true);
  };
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); });
  addEventListener("online", () => { if (changed) send(false); });
  addEventListener("pageshow", (event) => { if (event.persisted) leaving = false; });
  form.addEventListener("submit", () => {
    // What is on its way is kept here until a page says that it arrived.
    putHere(false);
    try { sessionStorage.setItem("compose:sent", key); } catch { /* then it is offered once more */ }
    leaving = true;
  });
  for (const out of document.querySelectorAll('form[action$="/sign-out"]')) out.addEventListener("submit", leave);
  if (changed) send(false);

  // A text that never reached the server is offered.
  const box = document.querySelector("[data-local]");
  const offer = () => {
    const prefix = `typed:${form.dataset.person}:`;
    let keys = [];
    try { keys = Object.keys(localStorage).filter((each) => each.startsWith(prefix)); } catch { return; }
    for (const each of keys) {
      const mine = isNew ? each.startsWith(`${prefix}new-`) : each === key;
      let found = null;
      try { found = JSON.parse(localStorage.getItem(each)); } catch { /* torn */ }
      if (!found || Date.now() - found.at > 30 * 864e5) { localStorage.removeItem(each); continue; }
      const now = fields();
      const same = ["title", "text"].every((name) => (found.fields[name] || "") === (now[name] || ""));
      if (!mine || same || (each === key && form.hasAttribute("data-changed"))) continue;
      const words = (found.fields.title || found.fields.text || "").slice(0, 60);
      box.querySelector("[data-local-words]").textContent = `${form.dataset.localLine.replace("TIME", clock(new Date(found.at)))} ${words}`;
      box.hidden = false;
      box.querySelector("[data-local-use]").onclick = () => {
        for (const [name, value] of Object.entries(found.fields)) {
          const field = form.elements[name];
          if (field && !["tab", "base", "unit"].includes(name)) field.value = value;
        }
        if (found.fields.base && form.elements.base) form.elements.base.value = found.fields.base;
        localStorage.removeItem(each);
        box.hidden = true;
        form.elements.text.dispatchEvent(new Event("input", { bubbles: true }));
        form.elements.title.focus();
      };
      box.querySelector("[data-local-drop]").onclick = () => { localStorage.removeItem(each); box.hidden = true; };
      return;
    }
  };
  offer();

  // How long it will last, and which blanks are left.
  const { text, title } = form.elements;
  const estimate = form.querySelector("[data-estimate]");
  const blanks = form.querySelector("[data-blanks-line]");
  const BLANK = /\[[^[\]\n]{0,60}\]/g;
  const follow = () => {
    const seconds = Math.round(text.value.trim().length * Number(form.dataset.secondsPerChar));
    estimate.hidden = seconds < 1;
    const [words, rest] = seconds < 60 ? [form.dataset.lastsShort, seconds] : [form.dataset.lasts, seconds % 60];
    estimate.textContent = words.replace("MINUTES", Math.floor(seconds / 60)).replace("SECONDS", rest);
    const left = [...new Set(`${title.value}\n${text.value}`.match(BLANK) || [])].slice(0, 12);
    blanks.hidden = !left.length;
    const shown = left.join("\n");
    if (blanks.dataset.shown === shown) return;
    blanks.dataset.shown = shown;
    blanks.replaceChildren(form.dataset.blanks, ...left.map((blank) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-outline-primary", textContent: blank });
      button.addEventListener("click", () => {
        const field = title.value.includes(blank) ? title : text;
        pick(field, field.value.indexOf(blank), blank.length);
      });
      return button;
    }));
  };
  const pick = (field, start, length) => {
    field.focus();
    field.setSelectionRange(start, start + length);
  };
  for (const field of [title, text]) field.addEventListener("input", follow);
  follow();
  // Tab goes to the next blank, Shift+Tab to the one before; where there is none it leaves the field as ever.
  for (const field of [title, text]) field.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = [...field.value.matchAll(BLANK)];
    const next = event.shiftKey ? all.reverse().find((each) => each.index < field.selectionStart) : all.find((each) => each.index >= field.selectionEnd);
    if (!next) return;
    event.preventDefault();
    pick(field, next.index, next[0].length);
  });

  // A Word file: chosen or dropped, its text is taken at once.
  const word = form.elements.word;
  const takeWords = form.querySelector('button[value="take-words"]');
  takeWords.hidden = true;
  word.addEventListener("change", () => { if (word.files.length) form.requestSubmit(takeWords); });
  const isDocument = (file) => /\.(docx?|odt|txt)$/i.test(file.name);
  let depth = 0;
  const dragged = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  addEventListener("dragenter", (event) => { if (dragged(event)) { depth += 1; form.classList.add("dropping"); } });
  addEventListener("dragleave", (event) => { if (dragged(event) && --depth <= 0) { depth = 0; form.classList.remove("dropping"); } });
  addEventListener("dragover", (event) => { if (dragged(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!dragged(event)) return;
    event.preventDefault();
    depth = 0;
    form.classList.remove("dropping");
    const file = event.dataTransfer.files[0];
    if (!file) return;
    const target = isDocument(file) ? word : form.querySelector('input[type="file"][name="file"]');
    if (!target) return;
    const carrier = new DataTransfer();
    carrier.items.add(file);
    target.files = carrier.files;
    target.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // What is wrong inside a closed part must be seen: the browser can't point at it there.
  form.addEventListener("invalid", (event) => { const part = event.target.closest("details"); if (part) part.open = true; }, true);
  if (form.querySelector(".other[data-opened]")) form.querySelector(".other[data-opened]").focus();
})();
