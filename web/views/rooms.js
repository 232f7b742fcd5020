/* The rooms that stand. */
import {follow, get} from "../api.js";
import {h, liveTable, moment, show} from "../dom.js";

export function marks(room) {
  return [["locked", "locked"], ["lecture", "lecture"], ["all_muted", "all muted"], ["recorded", room.paused ? "recording paused" : "recording"]]
    .filter(([name]) => room[name]).map(([, words]) => h("span", {class: "tag"}, words));
}

export async function draw(body) {
  const rooms = new Map();
  const table = liveTable({
    label: "Rooms", key: (room) => room.room, empty: "Nobody is in a room. Dial one: it is made when the first one comes.",
    columns: [
      {head: "Room", cell: (room) => h("a", {href: `#/rooms/${encodeURIComponent(room.room)}`}, room.room), sign: (room) => room.room},
      {head: "Name", cell: (room) => room.name ?? ""},
      {head: "Members", cell: (room) => h("span", {class: "number"}, String(room.members))},
      {head: "Waiting", cell: (room) => String(room.waiting)},
      {head: "State", cell: marks},
      {head: "Since", cell: (room) => moment(room.began), sign: (room) => room.began},
    ],
  });
  const update = () => table.update([...rooms.values()]);

  async function read() {
    const {items} = await get("/rooms");
    rooms.clear();
    for (const room of items) rooms.set(room.room, room);
    update();
  }

  show(body, table.element);
  const {again, end} = follow(read, (topic, data) => {
    if (!data.room || !/^(room|member)\./.test(topic)) return;
    if (topic === "room.ended") rooms.delete(data.room.room);
    else rooms.set(data.room.room, data.room);
    update();
  });
  await again();
  return end;
}
