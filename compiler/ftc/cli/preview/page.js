"use strict";
const rows = [...document.querySelectorAll("article")];
const filter = document.getElementById("filter");
const position = document.getElementById("position");
const [previous, next] = ["previous", "next"].map((id) => document.getElementById(id));
let wanted = rows;
let at = 0;

function show(index) {
  at = Math.max(0, Math.min(index, wanted.length - 1));
  const shown = wanted[at];
  for (const row of rows) row.hidden = row !== shown;
  document.getElementById("none").hidden = wanted.length > 0;
  position.textContent = shown ? `${at + 1} of ${wanted.length}` : "";
  previous.disabled = at <= 0;
  next.disabled = at >= wanted.length - 1;
  if (shown) {
    fold(shown);
    history.replaceState(null, "", `#${shown.dataset.row}`);
  }
}

function go(step) {
  show(at + step);
  scrollTo(0, 0);
}

function choose() {
  const [part, status] = filter.value.split(" ");
  wanted = rows.filter(
    (row) => (part === "" || row.dataset.part === part) && (!status || row.dataset.status === status),
  );
  show(0);
}

function fold(row) {
  for (const speech of row.querySelectorAll(".speech:not(.seen)")) {
    speech.classList.add("seen");
    const said = speech.querySelector(".said");
    if (said.scrollHeight < 420) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "unfold";
    button.textContent = "Show all";
    button.onclick = () => {
      button.textContent = speech.classList.toggle("folded") ? "Show all" : "Show less";
    };
    speech.classList.add("folded");
    speech.append(button);
  }
}

function follow() {
  const found = wanted.findIndex((row) => `#${row.dataset.row}` === location.hash);
  show(found < 0 ? 0 : found);
}

previous.onclick = () => go(-1);
next.onclick = () => go(1);
filter.onchange = choose;
addEventListener("hashchange", follow);
addEventListener("keydown", (event) => {
  if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowRight: 1, j: 1, ArrowLeft: -1, k: -1, Home: -rows.length, End: rows.length };
  if (event.key in step) {
    event.preventDefault();
    go(step[event.key]);
  }
});
follow();
