/* The messages of a mailbox, and its greetings. */
import {get, listen, patch, post, remove, request} from "../api.js";
import {duration, h, moment, notice, show} from "../dom.js";
import {player, recorder} from "../wave.js";

const GREETINGS = [["unavailable", "Standard"], ["busy", "Busy"], ["no-answer", "No answer"], ["closed", "Closed"], ["temporary", "Out of office"], ["name", "Your name"]];

function messageView(message, path, acts) {
  const own = `${path}/messages/${message.id}`;
  const heard = h("div");
  const summary = h("header");
  const element = h("article", {class: "message", "data-id": message.id}, summary, heard);
  let open = null;

  async function hear() {
    if (open) return;
    try {
      const blob = await get(`${own}/audio`);
      open = player(blob, `the message from ${message.caller || "anonymous"}`, () => {
        if (acts && !message.heard) patch(own, {heard: true});
      });
      show(heard, open.element, message.transcript ? h("p", {}, message.transcript) : null);
      open.start();
    } catch (problem) {
      show(heard, h("p", {class: "fault", role: "alert"}, problem.message));
    }
  }

  async function drop() {
    await remove(own);
    notice("The message is in the trash.", ["Undo", () => patch(own, {deleted: false})], 12);
  }

  function draw(now) {
    message = now;
    element.className = message.heard ? "message" : "message new";
    show(summary,
      h("span", {class: "caller"}, message.caller_name || message.caller || "anonymous"), message.caller_name ? h("span", {class: "soft"}, message.caller) : null,
      moment(message.received), h("span", {class: "number"}, message.kind === "fax" ? `fax, ${message.pages} pages` : duration(message.duration_ms)),
      message.urgent ? h("span", {class: "tag bad"}, "urgent") : null, message.private ? h("span", {class: "tag"}, "private") : null,
      !message.heard ? h("span", {class: "tag live"}, "new") : null,
      message.transcript && !open ? h("p", {class: "soft"}, message.transcript) : null);
    if (!element.querySelector(".acts")) element.append(h("div", {class: "bar acts"}));
    show(element.querySelector(".acts"),
      !open && message.kind !== "fax" ? h("button", {type: "button", class: "main", onclick: hear}, "Play") : null,
      message.kind === "fax" ? h("a", {href: `/api/v1${own}/audio`, download: `fax-${message.id}.pdf`}, "Open the fax") : null,
      acts ? [h("button", {type: "button", onclick: () => patch(own, {heard: !message.heard})}, message.heard ? "Mark as new" : "Mark as heard"),
        message.deleted ? h("button", {type: "button", onclick: () => patch(own, {deleted: false})}, "Restore")
          : h("button", {type: "button", class: "danger", onclick: drop}, "Delete")] : null);
  }

  draw(message);
  return {element, draw, close: () => open?.close()};
}

function greetingView(path, [kind, title], present, acts, again) {
  const heard = h("div");
  let taking = null, open = null;
  const hear = async () => {
    open?.close();
    open = player(await get(`${path}/greetings/${kind}/audio`), `the greeting ${title}`);
    show(heard, open.element);
    open.start();
  };
  const take = async (event) => {
    const button = event.currentTarget;
    if (!taking) {
      taking = await recorder();
      button.textContent = "Stop and keep";
      return;
    }
    const sound = await taking.stop();
    taking = null;
    await request("PUT", `${path}/greetings/${kind}`, sound);
    notice(`The greeting “${title}” is stored.`);
    again();
  };
  return h("div", {class: "message"}, h("strong", {}, title), " ", h("span", {class: "soft"}, present ? "your own" : "the server's words"),
    h("div", {class: "bar"}, present ? h("button", {type: "button", onclick: hear}, "Play") : null,
      acts ? h("button", {type: "button", onclick: take}, "Record") : null,
      acts && present ? h("button", {type: "button", class: "danger", onclick: () => remove(`${path}/greetings/${kind}`).then(again)}, "Erase") : null), heard);
}

export async function draw(body, {argument, session}) {
  const path = `/mailboxes/${encodeURIComponent(argument)}`;
  const acts = session.role !== "read-only";
  const views = new Map();
  const list = h("div"), trash = h("input", {type: "checkbox", onchange: () => read()}), greetings = h("div");

  async function read() {
    const items = (await get(`${path}/messages?deleted=${trash.checked}`)).items;
    const wanted = new Set(items.map((message) => message.id));
    for (const [id, view] of views) {
      if (wanted.has(id)) continue;
      view.close();
      view.element.remove();
      views.delete(id);
    }
    items.forEach((message, i) => {
      let view = views.get(message.id);
      if (view) view.draw(message);
      else views.set(message.id, view = messageView(message, path, acts));
      if (list.children[i] !== view.element) list.insertBefore(view.element, list.children[i] ?? null);
    });
    none.hidden = items.length > 0;
  }

  async function readGreetings() {
    const present = new Set((await get(`${path}/greetings`).catch(() => ({items: []}))).items.map((greeting) => greeting.kind));
    show(greetings, GREETINGS.map((greeting) => greetingView(path, greeting, present.has(greeting[0]), acts, readGreetings)));
  }

  const none = h("p", {class: "soft"}, "No messages.");
  show(body, h("div", {class: "bar"}, h("label", {}, trash, " Deleted ones")), h("section", {class: "sheet", "aria-label": "Messages"}, list, none),
    h("h2", {}, "Greetings"), h("section", {class: "sheet", "aria-label": "Greetings"}, greetings));
  const end = listen((topic, data) => {
    if (topic === "reset" || (topic === "mailbox.changed" && data.mailbox === argument)) read();
  });
  await read();
  await readGreetings();
  return () => { end(); for (const view of views.values()) view.close(); };
}
