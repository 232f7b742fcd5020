/* Calls that stand, and the last ones that are over. */
import {follow, get, remove} from "../api.js";
import {duration, h, liveTable, moment, notice, show} from "../dom.js";

export async function draw(body, {session}) {
  const standing = new Map();
  const link = (call) => h("a", {href: `#/calls/${call.id}`}, call.caller || "anonymous");
  const now = liveTable({
    label: "Calls that stand", key: (call) => call.id, empty: "Nobody talks.",
    columns: [
      {head: "From", cell: link, sign: (call) => call.caller},
      {head: "To", cell: (call) => call.number},
      {head: "State", cell: (call) => [call.state, call.application ? ` · ${call.application}` : ""]},
      {head: "Codecs", cell: (call) => call.legs.map((leg) => leg.codec).filter(Boolean).join(" ↔ ")},
      {head: "Since", cell: (call) => moment(call.answered ?? call.started)},
      {head: "", sign: (call) => call.id, cell: (call) => session.role === "admin" && h("button", {type: "button", class: "danger",
        onclick: () => remove(`/calls/${call.id}`).then(() => notice("The call was ended."))}, "Hang up")},
    ],
  });
  const over = liveTable({
    label: "Calls that are over", key: (call) => call.id, empty: "No call has ended yet.",
    columns: [
      {head: "From", cell: link},
      {head: "To", cell: (call) => call.number + (call.reached && call.reached !== call.number ? ` → ${call.reached}` : "")},
      {head: "Began", cell: (call) => moment(call.started)},
      {head: "Talked", cell: (call) => h("span", {class: "number"}, duration(call.talk_ms ?? 0))},
      {head: "Status", cell: (call) => String(call.status)},
    ],
  });

  async function read() {
    const {items} = await get("/calls");
    standing.clear();
    for (const call of items) standing.set(call.id, call);
    now.update([...standing.values()]);
    over.update((await get("/cdrs?limit=30")).items);
  }

  let late = null;
  show(body, now.element, h("h2", {}, "Over"), over.element);
  const {again, end} = follow(read, (topic, data) => {
    if (!topic.startsWith("call.")) return;
    if (topic === "call.ended") standing.delete(data.id);
    else standing.set(data.id, data);
    now.update([...standing.values()]);
    if (topic !== "call.ended") return;
    clearTimeout(late); // its record goes through a queue
    late = setTimeout(async () => over.update((await get("/cdrs?limit=30")).items), 1500);
  });
  await again();
  return () => { clearTimeout(late); end(); };
}
