/* Where and when a bulletin sounds: what belongs to the choice, the check beside it as one types, places and the map. The page works without this file, as one form with a button that checks. */
"use strict";
{
const form = document.getElementById("air");
const token = form.querySelector("input[name=csrf_token]").value;
const part = (name) => document.getElementById(name);
const value = (name) => {
  const field = form.elements[name];
  return field ? field.value : "";
};

// Only what belongs to the choice is shown; what is hidden is not sent astray, the server goes by the choice.
const follow = () => {
  for (const each of form.querySelectorAll("[data-for]")) each.hidden = !each.dataset.when.split(" ").includes(value(each.dataset.for));
};

// The check, a moment after the last change; an older answer never replaces a newer one.
let waits = null, asked = 0;
const look = async () => {
  const number = ++asked;
  const body = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(form.dataset.look, { method: "POST", body, redirect: "error", headers: { "X-CSRFToken": token } });
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    if (number === asked && !part("air-check").contains(document.activeElement)) part("air-check").innerHTML = html;
    const said = part("air-check").querySelector(".air-sentence");
    if (number === asked) part("air-said").textContent = said ? said.textContent : "";
  } catch {
    if (number === asked) part("air-look").hidden = false;
  }
};
const soon = () => {
  follow();
  clearTimeout(waits);
  waits = setTimeout(look, 350);
};
part("air-look").hidden = true;

// An address that may name the unit already.
const asking = (address, query) => `${address}${address.includes("?") ? "&" : "?"}${new URLSearchParams(query)}`;

// Typed words fill the choices.
const fill = (fields) => {
  for (const [name, values] of Object.entries(fields)) {
    const found = [...form.querySelectorAll(`[name="${name}"]`)];
    for (const field of found) {
      if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
      else if (field.name !== "csrf_token") field.value = values[0] || "";
    }
  }
  for (const name of ["days", "lunar"]) if (!fields[name]) for (const field of form.querySelectorAll(`[name="${name}"]`)) field.checked = false;
  const more = form.querySelector("[name=holidays]").closest("details");
  if (["count", "holidays", "skip", "lunar-other"].some((name) => value(name)) || (fields.lunar || []).length) more.open = true;
};
let heard = 0;
const understand = async () => {
  const text = part("words").value.trim();
  const number = ++heard;
  form.elements["words-read"].value = text;
  if (!text) { part("words-unknown").hidden = true; return; }
  try {
    const answer = await fetch(asking(form.dataset.words, { text }), { redirect: "error" });
    const found = await answer.json();
    if (number !== heard) return;
    const unknown = part("words-unknown");
    unknown.hidden = !found.unknown.length;
    unknown.textContent = unknown.dataset.said + found.unknown.join(" ");
    if (found.fields) { fill(found.fields); soon(); }
  } catch { form.elements["words-read"].value = ""; }
};
let typing = null;
part("words").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(understand, 300); });

// Places: chosen ones go to the top, levels of the tree and what is found by name come as they are asked for.
const chosen = part("air-chosen");
const names = () => new Set([...chosen.querySelectorAll("input:checked")].map((each) => each.value));
const take = (name, title) => {
  if (names().has(name)) return;
  const label = document.createElement("label");
  label.className = "pick";
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", name: "for", value: name, checked: true });
  const said = document.createElement("span");
  said.textContent = title;
  label.append(box, " ", said);
  chosen.querySelector(".days").append(label);
  chosen.hidden = false;
};
const drop = (name) => {
  for (const each of chosen.querySelectorAll("input")) if (each.value === name) each.closest("label").remove();
  chosen.hidden = !chosen.querySelector("input");
};
const mark = (root) => {
  const now = names();
  for (const box of root.querySelectorAll("input[name=for]")) { box.checked = now.has(box.value); box.dataset.name = box.value; box.name = ""; }
};
const places = async (query, more) => {
  try {
    const answer = await fetch(asking(form.dataset.places, query), { redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    const box = part("air-places");
    if (more) { more.remove(); box.insertAdjacentHTML("beforeend", html); } else box.innerHTML = html;
    mark(box);
  } catch { /* the list stays as it was */ }
};
for (const root of [part("air-places"), ...form.querySelectorAll("details.more")]) if (root.querySelector("input[name=for]")) mark(root);
form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-under]");
  if (!button) {
    if (event.target.closest("[value=find]")) { event.preventDefault(); places({ q: part("q").value }); }
    const instead = event.target.closest("[value^=instead-]");
    if (instead) { event.preventDefault(); moved(instead.value.slice("instead-".length)); }
    return;
  }
  event.preventDefault();
  const query = { under: button.dataset.under };
  if (button.dataset.after) query.after = button.dataset.after;
  places(query, button.dataset.after ? button : null);
});
const moved = (local) => {
  const [day, clock] = local.split("T");
  if (value("when") === "repeat") {
    form.elements["times-repeat"].value = clock;
    if (form.elements.part) form.elements.part.value = "";
  } else {
    form.querySelector("[name=when][value=time]").checked = true;
    form.elements.date.value = day;
    form.elements.times.value = clock;
  }
  document.activeElement.blur();
  soon();
};
let finding = null;
part("q").addEventListener("input", () => { clearTimeout(finding); finding = setTimeout(() => places(part("q").value.trim() ? { q: part("q").value } : { under: "top" }), 300); });
part("q").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); places({ q: part("q").value }); } });
part("words").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); understand(); } });

form.addEventListener("input", (event) => {
  if (["q", "words", "lift"].includes(event.target.name)) return;
  const { name } = event.target.dataset;
  if (name) {
    if (event.target.checked) take(name, event.target.closest("label").querySelector("span").firstChild.textContent.trim());
    else drop(name);
    points.show();
  } else if (event.target.name === "for") {
    if (!event.target.checked) drop(event.target.value);
    for (const root of form.querySelectorAll("#air-places, details.more")) for (const box of root.querySelectorAll("input[data-name]")) box.checked = names().has(box.dataset.name);
    points.show();
  }
  soon();
});

// The map: dots without pictures from anywhere; a tap takes one, an area takes all that lie in it.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const points = {
  rows: [], map: null, corners: null, drawn: null,
  async open() {
    const fold = part("air-map-fold");
    if (!fold.open) return;
    if (this.map) { this.map.invalidateSize(); return; }
    if (!window.L) {
      await new Promise((done, failed) => {
        const style = document.createElement("link");
        Object.assign(style, { rel: "stylesheet", href: fold.dataset.style });
        const script = document.createElement("script");
        Object.assign(script, { src: fold.dataset.script, onload: done, onerror: failed });
        document.head.append(style, script);
      });
    }
    const answer = await fetch(fold.dataset.points, { redirect: "error" });
    const rows = await answer.json();
    if (this.map || !rows.length) return;
    this.map = L.map(part("air-map"), { attributionControl: false, zoomSnap: 0.25, maxZoom: 19, doubleClickZoom: false, preferCanvas: rows.length > 500 });
    this.rows = rows.map(([id, title, latitude, longitude]) => {
      const dot = L.circleMarker([latitude, longitude], { radius: 9, weight: 2, color: colour("--leaf"), fillOpacity: 0.3 });
      const row = { name: `station:${id}`, title, latitude, longitude, dot };
      dot.bindTooltip(title).addTo(this.map);
      dot.on("click", (event) => { L.DomEvent.stop(event); if (!this.corners) this.toggle(row); });
      return row;
    });
    this.map.fitBounds(L.latLngBounds(rows.map((row) => [row[2], row[3]])).pad(0.25), { maxZoom: 15, animate: false });
    this.map.on("click", (event) => { if (this.corners && this.corners.length < 100) { this.corners.push([event.latlng.lat, event.latlng.lng]); this.show(); } });
    this.show();
  },
  toggle(row) {
    if (names().has(row.name)) drop(row.name); else take(row.name, row.title);
    this.show();
    soon();
  },
  inside({ latitude, longitude }) {
    let within = false;
    this.corners.forEach(([a, b], at) => {
      const [c, d] = this.corners[(at || this.corners.length) - 1];
      if (a > latitude !== c > latitude && longitude < ((d - b) * (latitude - a)) / (c - a) + b) within = !within;
    });
    return within;
  },
  show() {
    if (!this.map) return;
    const now = names();
    for (const row of this.rows) row.dot.setStyle({ fillOpacity: now.has(row.name) ? 1 : 0.3, color: colour(now.has(row.name) ? "--bad" : "--leaf") });
    if (this.drawn) this.drawn.remove();
    this.drawn = this.corners && this.corners.length ? L.polygon(this.corners, { color: colour("--bad"), weight: 3, interactive: false }).addTo(this.map) : null;
    form.querySelector("[data-map=take]").hidden = !(this.corners && this.corners.length > 2);
    form.querySelector("[data-map=area]").setAttribute("aria-pressed", String(this.corners !== null));
  },
};
part("air-map-fold").hidden = false;
part("air-map-fold").addEventListener("toggle", () => points.open().catch(() => { part("air-map-fold").open = false; }));
form.querySelector("[data-map=area]").addEventListener("click", () => { points.corners = points.corners ? null : []; points.show(); });
form.querySelector("[data-map=take]").addEventListener("click", () => {
  for (const row of points.rows) if (points.inside(row)) take(row.name, row.title);
  points.corners = null;
  points.show();
  soon();
});
follow();
}
