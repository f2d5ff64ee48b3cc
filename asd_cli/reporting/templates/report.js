"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1;
      const key = (row) => {
        const cell = row.cells[column];
        const text = cell.dataset.value ?? cell.textContent.trim();
        return text === "" || text === "–" ? null : text;
      };
      const compare = (a, b) => {
        const x = key(a), y = key(b);
        if (x === null || y === null) return (x === null) - (y === null);
        const p = Number(x), q = Number(y);
        return sign * (isNaN(p) || isNaN(q) ? x.localeCompare(y) : p - q);
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}
for (const input of document.querySelectorAll("input[data-filters]")) {
  const tools = input.closest(".tools");
  const target = document.getElementById(input.dataset.filters);
  const items = target.tBodies ? [...target.tBodies[0].rows] : [...target.querySelectorAll(".clip")];
  const output = tools.querySelector("output");
  const text = (item) => (item.dataset.text ?? [...item.cells].slice(0, 3).map((c) => c.textContent).join(" ")).toLowerCase();
  tools.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      item.hidden = !words.every((word) => text(item).includes(word));
      shown += !item.hidden;
    }
    output.textContent = words.length ? `${shown} of ${items.length} shown` : "";
  });
}
for (const player of document.querySelectorAll(".player")) {
  const seconds = Number(player.dataset.seconds);
  const line = player.querySelector(".playhead");
  const sounds = [...player.querySelectorAll("audio")];
  const picture = player.querySelector("svg");
  const own = sounds[0];
  if (!own) continue;
  const follow = () => {
    line.setAttribute("visibility", "visible");
    line.setAttribute("transform", `translate(${(312 * Math.min(own.currentTime / seconds, 1)).toFixed(1)} 0)`);
    if (!own.paused) requestAnimationFrame(follow);
  };
  own.addEventListener("play", follow);
  own.addEventListener("seeked", follow);
  for (const sound of sounds) {
    sound.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) if (other !== sound) other.pause();
    });
  }
  picture.style.cursor = "pointer";
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width * 360 - 40) / 312;
    own.currentTime = Math.min(Math.max(share, 0), 1) * seconds;
    own.play();
  });
}
