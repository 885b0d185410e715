/* The form of an emergency: what belongs to the choice that was made, and an area drawn on the map. Without this file all parts are there, and areas are chosen from the lists. */
"use strict";

const chosen = () => document.querySelector("input[name=what]:checked");
const showWhatIsSaid = () => {
  const what = chosen() ? chosen().value.split(":")[0] : "";
  for (const part of document.querySelectorAll("[data-say]")) part.hidden = part.dataset.say !== what;
};
for (const choice of document.querySelectorAll("input[name=what]")) {
  choice.addEventListener("change", () => {
    showWhatIsSaid();
    const { about, signal } = choice.dataset;
    if (about) document.querySelector("[name=about]").value = about;
    if (signal) {
      const fitting = document.querySelector(`input[name=signal][value=${signal}]`);
      if (fitting) fitting.checked = true;
    }
  });
}
showWhatIsSaid();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const EARTH_KM = 6371;
const radians = (degrees) => (degrees * Math.PI) / 180;

class Drawing {
  constructor(box, points) {
    this.box = box;
    this.field = document.querySelector("input[name=shape]");
    this.told = document.querySelector("[data-shape-told]");
    this.kind = "polygon";
    this.corners = [];
    this.points = points.map(([, name, latitude, longitude]) => ({ name, latitude, longitude }));
    this.map = L.map(box, { attributionControl: false, zoomSnap: 0.25, maxZoom: 19, doubleClickZoom: false, preferCanvas: true });
    this.grid();
    for (const each of this.points) {
      each.mark = L.circleMarker([each.latitude, each.longitude], { radius: 7, weight: 2, color: colour("--leaf"), fillOpacity: 0.5 });
      each.mark.bindTooltip(each.name).addTo(this.map);
    }
    const all = L.latLngBounds(this.points.map((each) => [each.latitude, each.longitude]));
    this.map.fitBounds(all.pad(0.25), { maxZoom: 15, animate: false });
    this.map.on("click", (event) => this.add(event.latlng));
    for (const button of document.querySelectorAll("[data-draw]")) button.addEventListener("click", () => this.act(button.dataset.draw));
    if (this.field.value) this.restore();
    this.show();
  }

  /* No tiles from elsewhere: a plain grid, so that one sees how far the map was moved. */
  grid() {
    const Grid = L.GridLayer.extend({
      createTile() {
        const tile = document.createElement("div");
        tile.className = "map-tile";
        return tile;
      },
    });
    new Grid({ maxZoom: 19 }).addTo(this.map);
  }

  act(what) {
    if (what === "clear") this.corners = [];
    else if (what === "back") this.corners.pop();
    else {
      this.kind = what;
      this.corners = [];
    }
    this.show();
  }

  add(place) {
    if (this.kind === "circle" && this.corners.length === 2) this.corners = [];
    if (this.corners.length < 100) this.corners.push([place.lat, place.lng]);
    this.show();
  }

  restore() {
    const [kind, ...pairs] = this.field.value.split(" ");
    this.kind = kind;
    if (kind === "polygon") this.corners = pairs.slice(0, -1).map((pair) => pair.split(",").map(Number));
    else {
      const [latitude, longitude] = pairs[0].split(",").map(Number);
      this.corners = [[latitude, longitude], [latitude + (Number(pairs[1]) / EARTH_KM) * (180 / Math.PI), longitude]];
    }
  }

  radius() {
    const [[a, b], [c, d]] = this.corners;
    const chord = Math.sin(radians(c - a) / 2) ** 2 + Math.cos(radians(a)) * Math.cos(radians(c)) * Math.sin(radians(d - b) / 2) ** 2;
    return 2 * EARTH_KM * Math.asin(Math.sqrt(chord));
  }

  /* The form of warning messages: corners and back to the first, or centre and kilometres. */
  written() {
    const pair = ([latitude, longitude]) => `${latitude.toFixed(6)},${longitude.toFixed(6)}`;
    if (this.kind === "circle") return this.corners.length === 2 ? `circle ${pair(this.corners[0])} ${this.radius().toFixed(3)}` : "";
    return this.corners.length > 2 ? `polygon ${[...this.corners, this.corners[0]].map(pair).join(" ")}` : "";
  }

  holds({ latitude, longitude }) {
    if (this.kind === "circle") {
      const corners = this.corners;
      this.corners = [corners[0], [latitude, longitude]];
      const distance = this.radius();
      this.corners = corners;
      return distance <= this.radius();
    }
    let inside = false;
    this.corners.forEach(([a, b], at) => {
      const [c, d] = this.corners[(at || this.corners.length) - 1];
      if (a > latitude !== c > latitude && longitude < ((d - b) * (latitude - a)) / (c - a) + b) inside = !inside;
    });
    return inside;
  }

  show() {
    if (this.drawn) this.drawn.remove();
    const shape = { color: colour("--bad"), weight: 3, interactive: false };
    const parts = this.corners.map((corner) => L.circleMarker(corner, { ...shape, radius: 4, fillOpacity: 1 }));
    if (this.kind === "circle" && this.corners.length === 2) parts.push(L.circle(this.corners[0], { ...shape, radius: this.radius() * 1000 }));
    if (this.kind === "polygon" && this.corners.length > 1) parts.push(L.polygon(this.corners, shape));
    this.drawn = L.layerGroup(parts).addTo(this.map);
    this.field.value = this.written();
    let count = 0;
    for (const each of this.points) {
      const inside = this.field.value !== "" && this.holds(each);
      count += inside ? 1 : 0;
      each.mark.setStyle({ color: inside ? colour("--bad") : colour("--leaf") });
    }
    this.told.textContent = this.field.value ? this.told.dataset.told.replace("0", count) : "";
    for (const button of document.querySelectorAll("[data-draw=polygon], [data-draw=circle]")) button.setAttribute("aria-pressed", String(button.dataset.draw === this.kind));
  }
}

const box = document.getElementById("alarm-map");
if (box && window.L) {
  const fold = box.closest("details");
  fold.hidden = false;
  let drawing = null, asked = null;
  const begin = async () => {
    if (!fold.open) return;
    try {
      asked = asked || fetch(box.dataset.points, { redirect: "error" }).then((answer) => answer.json());
      const points = await asked;
      if (!drawing) drawing = new Drawing(box, points);
      drawing.map.invalidateSize();
    } catch {
      asked = null; // the next opening asks again
    }
  };
  fold.addEventListener("toggle", begin);
  if (document.querySelector("input[name=shape]").value) fold.open = true;
  begin();
}
