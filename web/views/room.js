/* One room: who is there and who talks, and what a host may do. */
import {follow, get, levelsOf, patch, post, remove} from "../api.js";
import {h, liveTable, show} from "../dom.js";
import {marks} from "./rooms.js";

function toggle(words, on, act) {
  return h("button", {type: "button", "aria-pressed": String(!!on), onclick: act}, words);
}

export async function draw(body, {argument, session}) {
  const path = `/rooms/${encodeURIComponent(argument)}`;
  const acts = session.role !== "read-only";
  const members = new Map();
  const levels = new Map();
  let room = null;

  const nameOf = (member) => member.name || member.caller || `member ${member.member}`;
  const memberPath = (member) => `${path}/members/${member.member}`;
  const table = liveTable({
    label: "Members", key: (member) => String(member.member), empty: "Nobody is in this room.",
    rowClass: (member) => (member.talks ? "talks" : ""),
    columns: [
      {head: "Who", cell: (member) => [nameOf(member), " ", member.caller && member.name ? h("span", {class: "soft"}, member.caller) : null]},
      {head: "Level", sign: () => "", cell: (member) => {
        const level = h("span");
        levels.set(member.member, level);
        return h("div", {class: "level", role: "img", "aria-label": `Level of ${nameOf(member)}`}, level);
      }},
      {head: "State", sign: (member) => JSON.stringify([member.talks, member.role, member.seat, member.muted, member.hand, member.held, member.deaf]), cell: (member) => [
        member.talks ? h("span", {class: "tag live"}, "talks") : null,
        member.role === "host" ? h("span", {class: "tag"}, "host") : null,
        member.seat === "waiting" ? h("span", {class: "tag"}, "waits") : null,
        member.muted ? h("span", {class: "tag bad"}, "muted") : null,
        member.deaf ? h("span", {class: "tag bad"}, "deaf") : null,
        member.held ? h("span", {class: "tag"}, "on hold") : null,
        member.hand ? h("span", {class: "tag"}, "hand raised") : null,
      ]},
      {head: "", sign: (member) => JSON.stringify([member.seat, member.muted, member.deaf]), cell: (member) => acts && h("div", {class: "bar"},
        member.seat === "waiting" ? h("button", {type: "button", class: "main", onclick: () => post(`${memberPath(member)}/admit`)}, "Admit") : null,
        toggle("Mute", member.muted, () => patch(memberPath(member), {muted: !member.muted})),
        toggle("Deafen", member.deaf, () => patch(memberPath(member), {deaf: !member.deaf})),
        h("button", {type: "button", class: "danger", "aria-label": `Remove ${nameOf(member)}`, onclick: () => remove(memberPath(member))}, "Remove"))},
    ],
  });
  const head = h("div", {class: "bar"});
  const dial = h("input", {name: "number", "aria-label": "Number to call", placeholder: "Number", inputmode: "tel", required: true, size: 12});

  function drawHead() {
    show(head, !room ? h("span", {class: "soft"}, "Nobody is here now. The room is made when the first one comes.") : [
      h("span", {}, `${room.members} in the room`), marks(room),
      acts && [toggle("Lock", room.locked, () => patch(path, {locked: !room.locked})),
        toggle("Record", room.recorded, () => patch(path, {recording: room.recorded ? "off" : "on"})),
        toggle("Mute all", room.all_muted, () => patch(path, {all_muted: !room.all_muted})),
        h("form", {class: "bar", onsubmit: (event) => {
          event.preventDefault();
          post(`${path}/members`, {number: dial.value.trim()}).then(() => { dial.value = ""; });
        }}, dial, h("button", {}, "Call"))],
    ]);
  }

  function update() {
    table.update([...members.values()]);
    for (const member of members.values()) {
      const level = levels.get(member.member);
      if (level && !member.talks) level.style.width = "0";
    }
  }

  async function read() {
    const found = await get(path).catch((problem) => {
      if (problem.status === 404) return null;
      throw problem;
    });
    room = found;
    members.clear();
    for (const member of room?.list ?? []) members.set(member.member, member);
    drawHead();
    update();
  }

  show(body, head, table.element);
  const {again, end} = follow(read, (topic, data) => {
    if (data.room?.room !== argument) return;
    if (!room && topic !== "room.ended") {
      again();
      return;
    }
    const before = JSON.stringify(room);
    room = topic === "room.ended" ? null : data.room;
    if (topic === "room.ended") members.clear();
    else if (topic === "member.left") members.delete(data.member.member);
    else if (data.member) members.set(data.member.member, data.member);
    if (JSON.stringify(room) !== before && document.activeElement !== dial) drawHead();
    update();
  });
  const quiet = levelsOf(argument, (heard) => {
    for (const [member, db] of heard) {
      const level = levels.get(member);
      if (level) level.style.width = `${Math.max(0, Math.min(100, Math.round((db + 60) * 100 / 60)))}%`;
    }
  });
  await again();
  return () => { end(); quiet(); };
}
