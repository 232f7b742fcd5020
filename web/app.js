/* The page: who is logged in, the way to each view by the address's hash, and what is live. */
import {eventsClose, eventsOpen, get, listenersClear, remove} from "./api.js";
import {h, notice, show} from "./dom.js";
import * as call from "./views/call.js";
import * as calls from "./views/calls.js";
import * as load from "./views/load.js";
import * as login from "./views/login.js";
import * as mailbox from "./views/mailbox.js";
import * as mailboxes from "./views/mailboxes.js";
import * as people from "./views/people.js";
import * as person from "./views/person.js";
import * as phones from "./views/phones.js";
import * as room from "./views/room.js";
import * as rooms from "./views/rooms.js";
import * as welcome from "./views/welcome.js";

const staff = ["admin", "read-only"];
const pages = [
  {path: "", title: "Start", view: welcome, roles: staff},
  {path: "rooms", title: "Rooms", view: rooms, roles: staff},
  {path: "rooms/*", title: "Room", view: room, roles: [...staff, "host"]},
  {path: "calls", title: "Calls", view: calls, roles: staff},
  {path: "calls/*", title: "Call", view: call, roles: staff},
  {path: "mailboxes", title: "Mailboxes", view: mailboxes, roles: staff},
  {path: "mailboxes/*", title: "Mailbox", view: mailbox, roles: ["admin", "owner"]},
  {path: "people", title: "Subscribers", view: people, roles: staff},
  {path: "people/*", title: "Subscriber", view: person, roles: staff},
  {path: "phones", title: "Phones", view: phones, roles: staff},
  {path: "load", title: "Load", view: load, roles: staff},
];

let session = null;
let leave = null; // ends what the present view listens to
let turn = 0;
let live = null; // whether news come; null: nobody knows yet

function pageOf(hash) {
  const path = decodeURIComponent(hash.replace(/^#\/?/, ""));
  for (const page of pages) {
    if (page.path === path) return {page, argument: null};
    if (page.path.endsWith("/*") && path.startsWith(page.path.slice(0, -1)) && path.length >= page.path.length)
      return {page, argument: path.slice(page.path.length - 1)};
  }
  return {page: null};
}

function home() {
  if (session.role === "host") return `#/rooms/${session.subject}`;
  if (session.role === "owner") return `#/mailboxes/${session.subject}`;
  return "#/";
}

function drawFrame(current) {
  const links = session ? pages.filter((page) => !page.path.includes("*") && page.roles.includes(session.role)) : [];
  show(document.getElementById("nav"), links.map((page) => h("a", {
    href: `#/${page.path}`, "aria-current": current && (current === page || (page.path && current.path === `${page.path}/*`)) ? "page" : null,
  }, page.title)));
  show(document.getElementById("who"), session && [
    h("span", {class: "soft"}, session.name || session.subject, " "), liveTag(), " ",
    h("button", {type: "button", onclick: logOut}, "Log out"),
  ]);
}

function liveTag() {
  return h("span", {id: "live", class: live === null ? "tag" : live ? "tag live" : "tag bad"}, live === null ? "…" : live ? "live" : "not connected");
}

function liveShow(on) {
  live = on;
  document.getElementById("live")?.replaceWith(liveTag());
}

async function logOut() {
  await remove("/session").catch(() => null);
  begin(null);
}

function begin(who) {
  session = who;
  eventsClose();
  live = null;
  if (who) eventsOpen(liveShow, () => begin(null));
  if (who && location.hash.length < 3 && location.hash !== home()) location.hash = home(); // which draws
  else draw();
}

async function draw() {
  const mine = ++turn;
  const view = document.getElementById("view");
  leave?.();
  leave = null;
  listenersClear();
  if (!session) {
    drawFrame(null);
    show(view, login.draw(begin));
    view.querySelector("input")?.focus();
    return;
  }
  const {page, argument} = pageOf(location.hash);
  if (!page || !page.roles.includes(session.role)) {
    location.hash = home();
    return;
  }
  drawFrame(page);
  document.title = `${argument ?? page.title} – confab`;
  const body = h("div");
  show(view, h("h1", {}, argument && page.title !== "Call" ? `${page.title} ${argument}` : page.title), body);
  try {
    const end = await page.view.draw(body, {argument, session});
    if (mine === turn) leave = end ?? null;
    else end?.();
  } catch (problem) {
    if (mine !== turn) return;
    if (problem.status === 401) begin(null);
    else show(body, h("p", {class: "fault", role: "alert"}, problem.message));
  }
}

window.addEventListener("hashchange", () => {
  draw().then(() => document.getElementById("view").focus());
});
window.addEventListener("unhandledrejection", (event) => {
  if (event.reason?.status === 401) begin(null);
  else notice(event.reason?.message ?? String(event.reason));
});

begin(await get("/session").catch(() => null));
