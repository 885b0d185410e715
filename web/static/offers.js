/* Searching among the units without accents. */
"use strict";

const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[đĐ]/g, "d").toLowerCase();
const search = document.querySelector("[data-search]");
if (search) {
  const rows = [...document.querySelectorAll(".offer-units .pick")].map((row) => [row, plain(row.textContent)]);
  search.hidden = false;
  search.querySelector("input").addEventListener("input", (event) => {
    const wanted = plain(event.target.value).trim();
    for (const [row, name] of rows) row.hidden = !name.includes(wanted);
  });
}
