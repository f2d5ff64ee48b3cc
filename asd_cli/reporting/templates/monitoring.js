"use strict";
const section = document.getElementById("events");
const key = "asd-responses-" + section.dataset.machine;
let responses = {};
try { responses = JSON.parse(localStorage.getItem(key)) || {}; } catch { responses = {}; }
const tools = section.querySelector(".tools");
tools.hidden = false;
const show = () => {
  for (const button of section.querySelectorAll("[data-response]")) {
    const event = button.closest("[data-event]").dataset.event;
    button.setAttribute("aria-pressed", String(responses[event] === button.dataset.response));
  }
  tools.querySelector("output").textContent = Object.keys(responses).length + " responses";
};
for (const row of section.querySelectorAll(".choice")) {
  row.hidden = false;
  row.addEventListener("click", (click) => {
    const button = click.target.closest("[data-response]");
    if (!button) return;
    responses[row.closest("[data-event]").dataset.event] = button.dataset.response;
    try { localStorage.setItem(key, JSON.stringify(responses)); } catch { /* kept for this visit */ }
    show();
  });
}
document.getElementById("save").addEventListener("click", () => {
  const list = [...section.querySelectorAll("[data-event]")]
    .filter((card) => responses[card.dataset.event])
    .map((card) => ({ id: card.dataset.event, response: responses[card.dataset.event], sound: card.dataset.sound }));
  const text = JSON.stringify({ schema: "asd.responses/1", machine: section.dataset.machine, responses: list }, null, 2);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "responses.json";
  link.click();
});
show();
setInterval(() => {
  const playing = [...document.querySelectorAll("audio")].some((sound) => !sound.paused);
  if (!playing) location.reload();
}, 60000);
