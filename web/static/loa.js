/* Conveniences only: every page works without this file. */
"use strict";

// Parts of a page that fetch themselves anew every few seconds.
for (const part of document.querySelectorAll("[data-fragment]")) {
  const seconds = Number(part.dataset.every) || 10;
  let failures = 0;
  const again = async () => {
    if (!document.hidden) {
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

// The bar of audio that is being made; the page comes anew when it is done.
for (const box of document.querySelectorAll("[data-progress]")) {
  const bar = box.querySelector(".progress-bar");
  const frame = box.querySelector(".progress");
  const words = box.querySelector("[data-progress-words]");
  let rest = 700;
  const again = async () => {
    try {
      const answer = await fetch(box.dataset.progress, { redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      bar.style.width = `${now.percent}%`;
      bar.textContent = `${now.percent} %`;
      frame.setAttribute("aria-valuenow", now.percent);
      words.textContent = now.words;
      rest = 700;
      const typing = document.activeElement && ["TEXTAREA", "INPUT"].includes(document.activeElement.tagName);
      if ((now.state === "ready" || now.state === "failed") && !typing) {
        location.reload();
        return;
      }
    } catch {
      rest = Math.min(rest * 2, 10000);
    }
    setTimeout(again, rest);
  };
  setTimeout(again, rest);
}

// Ask before what can't be taken back.
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.confirm)) event.preventDefault();
  });
}

// Show only the fields that belong to what is chosen.
for (const part of document.querySelectorAll("[data-shown-for]")) {
  const source = document.getElementById(part.dataset.shownFor);
  if (!source) continue;
  const follow = () => {
    const { shownWhen, hiddenWhen } = part.dataset;
    part.hidden = shownWhen ? source.value !== shownWhen : source.value === hiddenWhen;
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
    line.textContent = `${area.value.length.toLocaleString()} / ${most.toLocaleString()}`;
    line.classList.toggle("wrong", area.value.length > most);
  };
  area.addEventListener("input", count);
  area.insertAdjacentElement("afterend", line);
  count();
}

// A file that is too large is told before it travels.
for (const form of document.querySelectorAll("form[data-max-bytes]")) {
  const file = form.querySelector("input[type=file]");
  file?.addEventListener("change", () => {
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
  if (kept && !document.getElementById("problem") && fields.every((field) => !field.value)) {
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
