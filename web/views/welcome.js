/* What to dial, and how the server is. */
import {get, listen} from "../api.js";
import {calmly, h, liveTable, show} from "../dom.js";

const told = {
  voicemail: "voicemail", conference: "a conference room", echo: "hear yourself", ivr: "a menu", park: "park a call", page: "page phones",
  pickup: "take a call that rings", redial: "call back who was busy", features: "a service of your own", announcement: "an announcement", peer: "outside",
  user: "a subscriber, or his voicemail",
};

export async function draw(body) {
  const figures = h("div", {class: "bar"});
  const numbers = liveTable({
    label: "Numbers", key: (row) => row.pattern, empty: "No numbers are set.",
    columns: [{head: "Dial", cell: (row) => h("code", {}, row.pattern)},
      {head: "You get", cell: (row) => `${told[row.application] ?? row.application}${row.argument ? ` (${row.argument})` : ""}`}],
  });

  async function read() {
    const status = await get("/status");
    show(figures, [
      [status.calls, "calls"], [status.rooms, "rooms"], [status.listeners, "pages that look on"]].map(([n, what]) => h("div", {class: "sheet"}, h("strong", {class: "number"}, String(n)), " ", what)));
    numbers.update(status.numbers);
  }

  show(body,
    h("p", {}, "Register a phone with a subscriber's number and password, and dial one of these numbers. ",
      "Each call appears under ", h("a", {href: "#/calls"}, "Calls"), ", each conference under ", h("a", {href: "#/rooms"}, "Rooms"), "."),
    figures, h("h2", {}, "What to dial"), numbers.element);
  await read();
  const again = calmly(read);
  return listen((topic) => { if (/^(call|room|reset)/.test(topic)) again(); });
}
