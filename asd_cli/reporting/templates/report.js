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
  const text = (item) => (item.dataset.text ?? [...item.cells].filter((c) => !c.classList.contains("n")).map((c) => c.textContent).join(" ")).toLowerCase();
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
const cut = (text) => text.length && /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
for (const button of document.querySelectorAll("button.download")) {
  button.addEventListener("click", () => {
    const table = document.getElementById(button.dataset.table);
    const value = (cell) => cell.dataset.value ?? (cell.querySelector("a") ?? cell).textContent.trim();
    const lines = [table.tHead.rows[0], ...table.tBodies[0].rows].map((row) =>
      [...row.cells].map((cell) => cut(/^[=+\-@\t]/.test(value(cell)) && isNaN(value(cell)) ? `'${value(cell)}` : value(cell))).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = button.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
for (const slider of document.querySelectorAll(".slider")) {
  const rows = [...document.getElementById(slider.dataset.clips).tBodies[0].rows];
  const input = slider.querySelector("input"), output = slider.querySelector("output");
  const counts = document.getElementById(slider.dataset.clips.replace(/-list$/, "-counts"));
  const update = () => {
    const limit = Number(input.value);
    const count = { found: 0, missed: 0, alarms: 0, passed: 0 };
    for (const row of rows) {
      const flagged = Number(row.dataset.margin) > limit;
      count[row.dataset.truth === "1" ? (flagged ? "found" : "missed") : flagged ? "alarms" : "passed"] += 1;
    }
    for (const [name, number] of Object.entries(count)) {
      counts.querySelector(`[data-count=${name}] b`).textContent = number;
    }
    const moved = limit === 0 ? "as decided" : `thresholds ${Math.abs(limit).toFixed(2)} standard deviations ${limit > 0 ? "higher" : "lower"}`;
    output.textContent = `${moved}: ${count.missed} missed, ${count.alarms} false alarms`;
  };
  slider.hidden = false;
  input.addEventListener("input", update);
  slider.querySelector("button").addEventListener("click", () => { input.value = 0; update(); });
  update();
}
const open = (row) => {
  const hidden = row.querySelector("template");
  if (!hidden || row.dataset.open) return;
  row.dataset.open = "1";
  hidden.after(hidden.content.cloneNode(true));
};
for (const table of document.querySelectorAll("table.list")) {
  table.addEventListener("click", (event) => {
    const row = event.target.closest("tbody tr");
    if (row && event.target.closest("th a")) open(row);
  });
}
const arrive = () => {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!place) return;
  const details = place.closest("details");
  if (details) details.open = true;
  if (place.matches(".list tr")) open(place);
  place.scrollIntoView({ block: "center" });
};
addEventListener("hashchange", arrive);
if (location.hash) arrive();
const players = [...document.querySelectorAll(".player")].map((player) => {
  const seconds = Number(player.dataset.seconds);
  const sounds = [...player.querySelectorAll("audio")];
  const pictures = [...player.querySelectorAll("svg.mel")];
  const lines = [...player.querySelectorAll(".playhead")];
  const match = player.querySelector(".match");
  let current = sounds[0];
  const loudness = () => {
    const levels = sounds.map((sound) => Number(sound.dataset.level)).filter((level) => level > 0);
    const quietest = Math.min(...levels);
    for (const sound of sounds) {
      const level = Number(sound.dataset.level);
      sound.volume = match && match.checked && level > 0 ? quietest / level : 1;
    }
  };
  const follow = () => {
    const place = `translate(${(312 * Math.min(current.currentTime / seconds, 1)).toFixed(1)} 0)`;
    for (const line of lines) {
      line.setAttribute("visibility", "visible");
      line.setAttribute("transform", place);
    }
    if (!current.paused) requestAnimationFrame(follow);
  };
  for (const sound of sounds) {
    sound.addEventListener("play", () => {
      current = sound;
      for (const other of document.querySelectorAll("audio")) if (other !== sound) other.pause();
      follow();
    });
    sound.addEventListener("seeked", follow);
  }
  const toggle = () => current && (current.paused ? current.play() : current.pause());
  const change = () => {
    if (sounds.length < 2) return;
    const before = current, after = sounds[current === sounds[0] ? 1 : 0];
    after.currentTime = Math.min(before.currentTime, after.duration || before.currentTime);
    const playing = !before.paused;
    before.pause();
    current = after;
    if (playing || before.currentTime === 0) after.play(); else follow();
  };
  const compare = player.querySelector(".compare");
  if (compare) {
    compare.hidden = false;
    compare.querySelector("button").addEventListener("click", change);
    match.addEventListener("change", loudness);
    loudness();
  }
  const zoom = (box) => {
    for (const picture of pictures) {
      const view = picture.querySelector(".view");
      view.setAttribute("viewBox", box ? box.join(" ") : "40 6 312 168");
      for (const part of picture.querySelectorAll(".whole")) part.style.display = box ? "none" : "";
      const from = box && ((box[0] - 40) / 312) * seconds, to = box && ((box[0] + box[2] - 40) / 312) * seconds;
      picture.querySelector(".zoomed").textContent = box ? `${from.toFixed(2)} to ${to.toFixed(2)} s; double-click to see all` : "";
    }
  };
  for (const picture of pictures) {
    const view = picture.querySelector(".view"), drag = picture.querySelector(".drag");
    let start = null;
    const at = (event) => {
      const outer = picture.getBoundingClientRect(), scale = 360 / outer.width;
      const [x, y, width, height] = view.getAttribute("viewBox").split(" ").map(Number);
      const across = ((event.clientX - outer.left) * scale - 40) / 312, down = ((event.clientY - outer.top) * scale - 6) / 168;
      return [x + Math.min(Math.max(across, 0), 1) * width, y + Math.min(Math.max(down, 0), 1) * height];
    };
    const box = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
    picture.style.cursor = "crosshair";
    picture.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType !== "touch") { start = at(event); picture.setPointerCapture(event.pointerId); }
    });
    picture.addEventListener("pointermove", (event) => {
      if (!start) return;
      const [x, y, width, height] = box(start, at(event));
      for (const [name, value] of Object.entries({ x, y, width, height, visibility: "visible" })) drag.setAttribute(name, value);
    });
    picture.addEventListener("pointerup", (event) => {
      const end = at(event), from = start;
      start = null;
      drag.setAttribute("visibility", "hidden");
      if (from && box(from, end)[2] > 6 && box(from, end)[3] > 6) { zoom(box(from, end)); return; }
      if (!current) return;
      current.currentTime = ((end[0] - 40) / 312) * seconds;
      current.play();
    });
    picture.addEventListener("dblclick", () => zoom(null));
  }
  return { player, toggle, change };
});
const clips = [...document.querySelectorAll(".clip")];
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const shown = clips.filter((clip) => clip.offsetParent !== null);
  const here = shown.indexOf(document.activeElement?.closest(".clip"));
  const known = players.find(({ player }) => shown[here]?.contains(player));
  if (event.key === "n" || event.key === "b") {
    const next = shown[Math.min(Math.max(here + (event.key === "n" ? 1 : -1), 0), shown.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: "center" });
  } else if (event.key === "p") known?.toggle();
  else if (event.key === "x") known?.change();
});
