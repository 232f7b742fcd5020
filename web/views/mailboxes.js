/* Every mailbox, with what is in it. */
import {follow, get} from "../api.js";
import {h, liveTable, show} from "../dom.js";

export async function draw(body, {session}) {
  let boxes = [];
  const table = liveTable({
    label: "Mailboxes", key: (box) => box.number, empty: "There is no mailbox.",
    columns: [
      {head: "Mailbox", cell: (box) => (session.role === "admin" ? h("a", {href: `#/mailboxes/${encodeURIComponent(box.number)}`}, box.number) : box.number), sign: (box) => box.number},
      {head: "Name", cell: (box) => box.name ?? ""},
      {head: "New", cell: (box) => h("span", {class: "number"}, String(box.new))},
      {head: "Old", cell: (box) => h("span", {class: "number"}, String(box.old))},
      {head: "State", cell: (box) => [box.kind !== "person" ? h("span", {class: "tag"}, box.kind) : null, box.locked ? h("span", {class: "tag bad"}, "locked") : null]},
    ],
  });

  async function read() {
    boxes = (await get("/mailboxes?limit=1000")).items;
    table.update(boxes);
  }

  show(body, table.element);
  const {again, end} = follow(read, (topic, data) => {
    if (topic !== "mailbox.changed") return;
    const box = boxes.find((one) => one.number === data.mailbox);
    if (!box) return;
    Object.assign(box, {new: data.new, old: data.old});
    table.update(boxes);
  });
  await again();
  return end;
}
