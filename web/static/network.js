/* The network: how many rows are ticked, the map, printing, the code of a scanned label. Without this file all but the map works. */
"use strict";

for (const form of document.querySelectorAll("[data-many]")) {
  const ticks = [...form.querySelectorAll("input[name=station]")];
  const all = form.querySelector("[data-all]");
  const told = form.querySelector("[data-ticked]");
  if (!ticks.length || !told) continue;
  const count = (event) => {
    const number = ticks.filter((each) => each.checked).length;
    told.textContent = number ? `(${number})` : "";
    all.checked = number === ticks.length;
    all.indeterminate = number > 0 && number < ticks.length;
    if (event && event.target.checked) form.querySelector("input[name=which][value=ticked]").checked = true;
  };
  all.hidden = false;
  all.addEventListener("change", (event) => {
    for (const each of ticks) each.checked = all.checked;
    count(event);
  });
  for (const each of ticks) each.addEventListener("change", count);
  count();
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// The code of a label stands behind the # of its address, which no server gets to see.
const shown = document.querySelector("[data-code]");
if (shown && /^#[0-9A-Za-z-]{4,40}$/.test(location.hash)) {
  shown.textContent = location.hash.slice(1);
  shown.hidden = false;
  document.querySelector("[data-code-here]").textContent = location.hash.slice(1);
}

class NetworkMap {
  constructor(box) {
    this.box = box;
    this.told = document.getElementById(box.getAttribute("aria-describedby"));
    this.colours = getComputedStyle(document.documentElement);
    this.map = L.map(box, { renderer: L.canvas({ padding: 0.3, tolerance: 6 }), zoomSnap: 0.5, maxZoom: 19, attributionControl: Boolean(box.dataset.attribution), zoomAnimation: false });
    if (this.map.attributionControl) this.map.attributionControl.setPrefix(false);
    this.ground();
    this.drawn = L.layerGroup().addTo(this.map);
    this.names = L.layerGroup().addTo(this.map);
    this.map.on("zoomend", () => this.nameUnits());
    this.seen = "";
    this.fetched();
  }

  colour(name) {
    return this.colours.getPropertyValue(name).trim();
  }

  ground() {
    const { tiles, attribution } = this.box.dataset;
    if (tiles) {
      const words = document.createElement("span");
      words.textContent = attribution;
      L.tileLayer(tiles, { maxZoom: 19, attribution: words.innerHTML, referrerPolicy: "strict-origin" }).addTo(this.map);
      return;
    }
    const Grid = L.GridLayer.extend({
      createTile() {
        const tile = document.createElement("div");
        tile.className = "net-grid";
        return tile;
      },
    });
    new Grid({ maxZoom: 19 }).addTo(this.map);
  }

  async fetched() {
    if (!document.hidden) {
      try {
        const answer = await fetch(this.box.dataset.points, { headers: { Accept: "application/json" }, redirect: "error" });
        if (!answer.ok) throw new Error(String(answer.status));
        const tag = answer.headers.get("ETag") || "";
        const what = await answer.json();
        if (!tag || tag !== this.seen) this.show(what, !this.what);
        else this.tell();
        this.seen = tag;
      } catch {
        this.told.textContent = this.told.dataset.away;
      }
    }
    setTimeout(() => this.fetched(), Number(this.box.dataset.every) * 1000);
  }

  show(what, first) {
    this.what = what;
    const keep = this.open;
    this.drawn.clearLayers();
    this.outlines = what.outlines.map(([unit, corners]) => {
      const style = { color: this.colour("--leaf"), weight: 1.5, fillOpacity: 0.06, fillColor: this.colour("--leaf"), interactive: false };
      const line = corners.length > 2 ? L.polygon(corners, style) : L.polyline(corners, style);
      return { unit: what.units[unit], line: line.addTo(this.drawn), bounds: L.latLngBounds(corners) };
    });
    const tones = { good: "--good", wait: "--wait", bad: "--bad", calm: "--soft" };
    for (const [id, name, latitude, longitude, state, unit] of what.stations) {
      const [code, , tone] = what.states[state];
      const mark = new StationMark([latitude, longitude], { radius: 7, weight: 1.5, color: this.colour("--card"), fillColor: this.colour(tones[tone]), fillOpacity: 1, shape: code });
      mark.on("click", () => this.card(id, mark, `${name} · ${what.units[unit]}`));
      mark.addTo(this.drawn);
      if (id === keep) this.mark = mark;
    }
    const bounds = L.latLngBounds(what.stations.map((each) => [each[2], each[3]]));
    if (first) {
      if (bounds.isValid()) this.map.fitBounds(bounds.pad(0.1), { maxZoom: 15, animate: false });
      else this.map.setView([16, 107], 5);
    }
    this.nameUnits();
    this.tell();
  }

  tell() {
    const number = this.what.stations.length;
    const words = this.told.dataset;
    this.told.textContent = number ? `${words.told.replace("0", number.toLocaleString(document.documentElement.lang))} ${this.what.cut ? words.cut : ""}` : words.none;
    this.box.dataset.shown = number;
  }

  /* Names of units only where there is room for them, or they would lie over each other. */
  nameUnits() {
    this.names.clearLayers();
    if (!this.outlines) return;
    const taken = [];
    for (const { unit, bounds } of this.outlines) {
      if (!unit) continue;
      const at = [bounds.getNorth(), bounds.getCenter().lng];
      const place = this.map.latLngToContainerPoint(at);
      const half = unit.length * 3.6;
      const box = [place.x - half, place.y - 26, place.x + half, place.y - 8];
      if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
      taken.push(box);
      L.tooltip({ permanent: true, direction: "top", offset: [0, -8], className: "net-unit", interactive: false }).setLatLng(at).setContent(document.createTextNode(unit)).addTo(this.names);
    }
  }

  async card(id, mark, title) {
    this.open = id;
    const content = document.createElement("div");
    content.textContent = title;
    const popup = L.popup({ minWidth: 220, maxWidth: 280, autoPan: false }).setLatLng(mark.getLatLng()).setContent(content).openOn(this.map);
    this.roomFor(popup);
    try {
      const answer = await fetch(`${this.box.dataset.card}?card=${encodeURIComponent(id)}`, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      content.innerHTML = await answer.text();
      popup.update();
      this.roomFor(popup);
    } catch {
      content.textContent = this.told.dataset.away;
    }
  }

  /* Brings the card into sight at once: a map that glides makes a finger that comes meanwhile miss what is in the card. */
  roomFor(popup) {
    const card = popup.getElement(), size = this.map.getSize();
    if (!card) return;
    const half = Math.min(card.offsetWidth / 2 + 12, size.x / 2 - 4), high = Math.min(card.offsetHeight + 24, size.y - 24);
    this.map.panInside(popup.getLatLng(), { paddingTopLeft: [half, high], paddingBottomRight: [half, 12], animate: false });
  }
}

/* Each state has a shape of its own, so that nobody needs to tell colours apart. */
const SHAPES = {
  silent: (c, x, y, r) => { c.moveTo(x, y - r * 1.25); c.lineTo(x + r * 1.25, y); c.lineTo(x, y + r * 1.25); c.lineTo(x - r * 1.25, y); c.closePath(); },
  never: (c, x, y, r) => { c.moveTo(x, y - r); c.lineTo(x + r, y + r * 0.8); c.lineTo(x - r, y + r * 0.8); c.closePath(); },
  revoked: (c, x, y, r) => { c.rect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6); },
};
let StationMark = null;
const mapBox = document.getElementById("net-map");
if (mapBox && window.L) {
  L.Canvas.include({
    _updateStation(layer) {
      if (!this._drawing || layer._empty()) return;
      const context = this._ctx;
      const place = layer._point;
      context.beginPath();
      const draw = SHAPES[layer.options.shape];
      if (draw) draw(context, place.x, place.y, layer._radius);
      else context.arc(place.x, place.y, layer._radius, 0, Math.PI * 2);
      this._fillStroke(context, layer);
    },
  });
  StationMark = L.CircleMarker.extend({ _updatePath() { this._renderer._updateStation(this); } });
  new NetworkMap(mapBox);
}
