/* What to dial, and how the server is. */
import {get, listen} from "../api.js";
import {calmly, h, liveTable, show} from "../dom.js";

/* By application, or by application and argument. */
const told = {
  "voicemail own": "your mailbox", "voicemail login": "any mailbox, by its number and PIN", "voicemail deposit": "leave a message there at once",
  "voicemail pilot": "where a PBX forwards to", "voicemail screen": "call there, and hear who leaves a message", voicemail: "voicemail",
  conference: "a conference room", "conference ask": "any room: you are asked for its number", "conference factory": "a conference of your own",
  "conference service": "a room of any name", echo: "hear yourself", ivr: "a menu", park: "park a call", page: "all those phones at once",
  "pickup group": "take a call that rings in your group", "pickup direct": "take a call that rings there", redial: "call back who was busy",
  "redial cancel": "call back no more", features: "a service of your own", announcement: "an announcement", peer: "outside",
  user: "a subscriber, or his voicemail",
};

function words({application, argument}) {
  const exact = told[`${application} ${argument}`];
  return exact ?? `${told[application] ?? application}${argument ? ` (${argument})` : ""}`;
}

export async function draw(body) {
  const figures = h("div", {class: "bar"});
  const numbers = liveTable({
    label: "Numbers", key: (row) => row.pattern, empty: "No numbers are set.",
    columns: [{head: "Dial", cell: (row) => (row.pattern.endsWith(".") ? [h("code", {}, row.pattern.slice(0, -1)), " and more"] : h("code", {}, row.pattern))},
      {head: "You get", cell: words}],
  });

  async function read() {
    const status = await get("/status");
    show(figures, [
      [status.calls, "Calls now"], [status.rooms, "Rooms now"], [status.calls_total, "Calls since the start"]].map(([n, what]) => h("div", {class: "sheet"}, h("span", {class: "soft"}, what, " "), h("strong", {class: "number"}, String(n)))));
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
