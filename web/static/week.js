/* The week: blocks open in a window, and are dragged to another day and time by mouse, finger or arrow keys. Without this file all of it is links and forms. */
"use strict";

(() => {
  const sheet = document.querySelector("[data-week]");
  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
  if (!sheet) return;
  const STEP = 5;
  const HOLD_MS = 450;
  const NEAR = 6;
  const dialog = document.querySelector("[data-week-dialog]");
  const part = dialog.querySelector("[data-week-part]");
  const say = document.querySelector("[data-week-say]");
  const columns = [...sheet.querySelectorAll("[data-column]")];
  const stripes = [...sheet.querySelectorAll("[data-week-lines] [data-start]")];
  const isSheet = () => stripes.length > 0 && stripes[0].offsetParent !== null;
  const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  let opener = null;

  // The window: what is behind an address, fetched; where that fails, the page itself.
  const open = async (address, from) => {
    if (from) opener = from;
    const wanted = new URL(address, location.href);
    wanted.searchParams.set("part", "1");
    try {
      const answer = await fetch(wanted, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      part.innerHTML = await answer.text();
    } catch {
      location.assign(address);
      return;
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-light wk-close";
    close.textContent = "✕";
    close.setAttribute("aria-label", sheet.dataset.close);
    close.addEventListener("click", () => dialog.close());
    part.prepend(close);
    if (!dialog.open) dialog.showModal();
    const first = part.querySelector("input[type=radio]:checked") || part.querySelector("a.btn, button, input:not([type=hidden])");
    if (first) first.focus();
  };
  dialog.addEventListener("close", () => {
    part.textContent = "";
    if (opener) opener.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    const link = event.target.closest("[data-week-open], [data-week-close]");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.weekClose !== undefined) dialog.close();
    else open(link.href);
  });
  dialog.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-week-check]");
    if (!form) return;
    event.preventDefault();
    open(`${form.action}?${new URLSearchParams(new FormData(form))}`);
  });

  // Days of a narrow screen.
  for (const tab of document.querySelectorAll("[data-day]")) {
    tab.addEventListener("click", (event) => {
      event.preventDefault();
      for (const column of columns) column.classList.toggle("chosen", column.dataset.column === tab.dataset.day);
      for (const other of document.querySelectorAll("[data-day]")) other.toggleAttribute("aria-current", other === tab);
      tab.setAttribute("aria-current", "date");
      const here = new URL(location.href);
      here.searchParams.set("day", tab.value);
      history.replaceState(null, "", here);
    });
  }

  // Where a block would lie: a column, and a minute of its day.
  const minuteAt = (y) => {
    for (const stripe of stripes) {
      const box = stripe.getBoundingClientRect();
      if (y >= box.bottom && stripe !== stripes[stripes.length - 1]) continue;
      const start = Number(stripe.dataset.start);
      const end = Number(stripe.dataset.end);
      const share = Math.min(Math.max((y - box.top) / box.height, 0), 0.9999);
      return Math.floor((start + share * (end - start)) / STEP + 1e-6) * STEP;
    }
    return 0;
  };
  const topOf = (minute) => {
    const stripe = stripes.find((each) => minute < Number(each.dataset.end)) || stripes[stripes.length - 1];
    const box = stripe.getBoundingClientRect();
    const start = Number(stripe.dataset.start);
    return box.top + ((minute - start) / (Number(stripe.dataset.end) - start)) * box.height;
  };
  const columnAt = (x) => {
    const found = columns.findIndex((column) => x < column.querySelector(".wk-body").getBoundingClientRect().right);
    return found < 0 ? columns.length - 1 : found;
  };

  let lifted = null; // {block, column, minute, home, begins, dx, dy, flag}
  const lift = (block, x, y) => {
    const box = block.getBoundingClientRect();
    const home = columns.indexOf(block.closest("[data-column]"));
    const begins = Math.floor(Number(block.dataset.begins) / STEP) * STEP;
    const flag = document.createElement("div");
    flag.className = "wk-flag";
    document.body.append(flag);
    lifted = { block, home, column: home, begins, minute: Number(block.dataset.begins), box, grip: y - topOf(begins), x, y, flag };
    block.classList.add("lifted");
    sheet.classList.add("dragging");
    show();
  };
  const show = () => {
    const { block, box, column, minute, flag, home } = lifted;
    const body = columns[column].querySelector(".wk-body").getBoundingClientRect();
    const from = columns[home].querySelector(".wk-body").getBoundingClientRect();
    const top = topOf(minute);
    block.style.transform = `translate(${body.left - from.left}px, ${top - topOf(Number(block.dataset.begins))}px)`;
    const words = `${columns[column].querySelector("h2").firstChild.textContent.trim()} ${clock(minute)}`;
    flag.textContent = words;
    flag.style.left = `${Math.min(Math.max(body.left, 4), innerWidth - 160)}px`;
    flag.style.top = `${Math.max(top - 32, 4)}px`;
    say.textContent = `${block.querySelector(".wk-title").textContent}: ${sheet.dataset.to} ${words}`;
    return box;
  };
  const drop = (keep) => {
    const { block, column, minute, flag, home } = lifted;
    const same = column === home && minute === Number(block.dataset.begins);
    flag.remove();
    block.classList.remove("lifted");
    sheet.classList.remove("dragging");
    block.style.transform = "";
    lifted = null;
    if (!keep || same) {
      say.textContent = sheet.dataset.left;
      return;
    }
    const address = new URL(block.dataset.move, location.href);
    address.searchParams.set("date", columns[column].dataset.date);
    address.searchParams.set("time", clock(minute));
    open(address.href, block);
  };
  const follow = (x, y) => {
    lifted.column = columnAt(x);
    lifted.minute = Math.min(Math.max(minuteAt(y - lifted.grip + 1), 0), 24 * 60 - STEP);
    show();
  };

  // By mouse and pen at once, by finger after holding still: a finger that moves at once scrolls.
  let press = null;
  let dragged = false;
  const end = () => {
    if (press) clearTimeout(press.timer);
    press = null;
  };
  sheet.addEventListener("pointerdown", (event) => {
    dragged = false;
    const block = event.target.closest("[data-move]");
    if (!block || event.button !== 0 || !isSheet()) return;
    press = { block, id: event.pointerId, x: event.clientX, y: event.clientY, touch: event.pointerType === "touch" };
    if (press.touch) press.timer = setTimeout(() => { dragged = true; lift(block, press.x, press.y); press.up = true; }, HOLD_MS);
  });
  document.addEventListener("pointermove", (event) => {
    if (!press || event.pointerId !== press.id) return;
    const far = Math.hypot(event.clientX - press.x, event.clientY - press.y) > NEAR;
    if (!lifted && far) {
      if (press.touch) return end();
      dragged = true;
      lift(press.block, press.x, press.y);
    }
    if (lifted) follow(event.clientX, event.clientY);
  });
  document.addEventListener("pointerup", (event) => {
    if (!press || event.pointerId !== press.id) return;
    end();
    if (lifted) drop(true);
  });
  document.addEventListener("pointercancel", () => { end(); if (lifted) drop(false); });
  document.addEventListener("touchmove", (event) => { if (lifted && event.cancelable) event.preventDefault(); }, { passive: false });
  sheet.addEventListener("contextmenu", (event) => { if (lifted || (press && press.touch)) event.preventDefault(); });
  sheet.addEventListener("dragstart", (event) => { if (event.target.closest("[data-move]")) event.preventDefault(); });

  sheet.addEventListener("click", (event) => {
    const block = event.target.closest("a.wk-block");
    if (!block) return;
    if (dragged) {
      dragged = false;
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.shiftKey || !block.pathname.endsWith("/card")) return;
    event.preventDefault();
    open(block.href, block);
  });

  // By keys.
  const keys = { ArrowUp: [0, -STEP], ArrowDown: [0, STEP], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  sheet.addEventListener("keydown", (event) => {
    const block = event.target.closest("[data-move]");
    if (!block || !isSheet() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in keys) {
      event.preventDefault();
      if (!lifted) lift(block, 0, 0);
      const [days, minutes] = keys[event.key];
      lifted.column = Math.min(Math.max(lifted.column + days, 0), columns.length - 1);
      lifted.minute = Math.min(Math.max(Math.floor(lifted.minute / STEP) * STEP + minutes, 0), 24 * 60 - STEP);
      show();
    } else if (lifted && (event.key === "Enter" || event.key === "Escape")) {
      event.preventDefault();
      drop(event.key === "Enter");
    }
  });
  sheet.addEventListener("focusout", () => { if (lifted && !press) drop(false); });
  const help = document.createElement("p");
  help.className = "visually-hidden";
  help.id = "wk-help";
  help.textContent = sheet.dataset.help;
  sheet.after(help);
  for (const block of sheet.querySelectorAll("[data-move]")) block.setAttribute("aria-describedby", "wk-help");
})();
