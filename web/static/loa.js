/* Conveniences only: every page works without this file. */
"use strict";

// Parts of a page that fetch themselves anew every few seconds.
for (const part of document.querySelectorAll("[data-fragment]")) {
  const seconds = Number(part.dataset.every) || 10;
  let failures = 0;
  const again = async () => {
    if (!document.hidden && !part.dataset.live) {
      try {
        const answer = await fetch(part.dataset.fragment, { headers: { Accept: "text/html" }, redirect: "error" });
        if (!answer.ok) throw new Error(String(answer.status));
        const html = await answer.text();
        if (!part.contains(document.activeElement)) part.innerHTML = html;
        failures = 0;
      } catch {
        failures = Math.min(failures + 1, 5);
      }
    }
    setTimeout(again, seconds * 1000 * 2 ** failures);
  };
  setTimeout(again, seconds * 1000);
}

// Ask before what can't be taken back, as the server would (web/panel/asking.py); parts of a page may come later, so the
// question waits at the top. A modal dialog takes the focus, is closed by Escape, and gives the focus back by itself.
const sure = document.getElementById("sure");

/* What it is about, as it stands in sight: the row the button is in, else the page. */
function named(form) {
  const row = form.closest("main li, main tr"), first = row && row.querySelector("strong, span, th, td");
  const words = (first && !first.contains(form) && first.firstChild ? first.firstChild.textContent : "").trim();
  const heading = document.querySelector("main h1");
  return (words || (heading ? heading.textContent.trim() : "")).slice(0, 160);
}

document.addEventListener("submit", (event) => {
  const form = event.target, button = event.submitter, question = form.dataset.confirm;
  if (!question || !sure || !sure.showModal || form.elements.agreed) return;
  event.preventDefault();
  event.stopPropagation();
  const yes = sure.querySelector("[data-yes]");
  sure.querySelector("#sure-asked").textContent = question;
  sure.querySelector("#sure-named").textContent = named(form);
  yes.textContent = button ? button.textContent.trim() : yes.textContent;
  sure.querySelector("[data-no]").onclick = () => sure.close();
  yes.onclick = () => {
    sure.close();
    const answer = Object.assign(document.createElement("input"), { type: "hidden", name: "agreed", value: "yes" });
    form.append(answer);
    // The part of the page that it stood in may have come anew meanwhile: what was agreed to is sent all the same.
    if (!form.isConnected) document.body.append(Object.assign(form, { hidden: true }));
    form.requestSubmit(button);
    // Whoever comes back to this page is asked again.
    setTimeout(() => answer.remove());
  };
  sure.showModal();
}, true);

// Show only the fields that belong to what is chosen.
for (const part of document.querySelectorAll("[data-shown-for]")) {
  const source = document.getElementById(part.dataset.shownFor);
  if (!source) continue;
  const follow = () => {
    const { shownWhen, hiddenWhen } = part.dataset;
    part.hidden = shownWhen === undefined ? source.value === hiddenWhen : source.value !== shownWhen;
  };
  source.addEventListener("change", follow);
  follow();
}

// How many characters are left.
for (const area of document.querySelectorAll("textarea[data-count]")) {
  const most = Number(area.dataset.count);
  const line = document.createElement("p");
  line.className = "form-text";
  line.setAttribute("aria-live", "off");
  const count = () => {
    line.textContent = `${area.value.length.toLocaleString(document.documentElement.lang)} / ${most.toLocaleString(document.documentElement.lang)}`;
    line.classList.toggle("wrong", area.value.length > most);
  };
  area.addEventListener("input", count);
  area.insertAdjacentElement("afterend", line);
  count();
}

// A file that is too large is told before it travels.
for (const form of document.querySelectorAll("form[data-max-bytes]")) {
  form.addEventListener("change", (event) => {
    const file = event.target;
    if (file.type !== "file") return;
    const large = file.files[0] && file.files[0].size > Number(form.dataset.maxBytes);
    file.setCustomValidity(large ? form.dataset.tooLarge : "");
    file.reportValidity();
  });
}

// What was typed survives a session that ended meanwhile: kept in this tab until it has been sent.
for (const form of document.querySelectorAll("form[data-keep]")) {
  const key = `kept:${form.dataset.keep}`;
  const fields = [...form.querySelectorAll("textarea, input[type=text]")].filter((field) => field.name);
  const kept = JSON.parse(sessionStorage.getItem(key) || "null");
  if (kept && !document.querySelector("#problem, main > .alert-success") && fields.every((field) => !field.value)) {
    for (const field of fields) field.value = kept[field.name] || "";
    for (const field of fields) field.dispatchEvent(new Event("input"));
  }
  form.addEventListener("input", () => {
    sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(fields.map((field) => [field.name, field.value]))));
  });
}
const forget = () => {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("kept:")) sessionStorage.removeItem(key);
};
if (document.querySelector("main > .alert-success")) forget();
for (const link of document.querySelectorAll("[data-forget]")) link.addEventListener("click", forget);
for (const form of document.querySelectorAll('form[action$="/sign-out"]')) form.addEventListener("submit", forget);

// A slider beside its number.
for (const slide of document.querySelectorAll("[data-slide]")) {
  const number = document.getElementById(slide.dataset.slide);
  slide.hidden = false;
  slide.value = number.value;
  slide.addEventListener("input", () => { number.value = slide.value; });
  number.addEventListener("input", () => { slide.value = number.value; });
}

// One of very many units: the field offers what fits to what has been typed so far.
for (const field of document.querySelectorAll("input[data-units]")) {
  let timer = 0, asked = "";
  const offer = async () => {
    if (field.value === asked) return;
    asked = field.value;
    try {
      const answer = await fetch(`${field.dataset.units}?q=${encodeURIComponent(asked)}`, { redirect: "error" });
      const found = answer.ok ? await answer.json() : [];
      if (field.value !== asked) return;
      field.list.replaceChildren(...found.map((unit) => {
        const option = document.createElement("option");
        option.value = unit.written;
        option.label = unit.above ? `${unit.written} · ${unit.above}` : unit.written;
        return option;
      }));
    } catch { /* the code or the whole name does without */ }
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(offer, 200); };
  field.addEventListener("input", soon);
  field.addEventListener("focus", () => { field.select(); soon(); });
}
