/* The messages of a mailbox, and its greetings. */
import {get, listen, patch, remove, request} from "../api.js";
import {duration, h, moment, notice, show} from "../dom.js";
import {player, recorder} from "../wave.js";

const GREETINGS = [["unavailable", "Standard"], ["busy", "Busy"], ["no-answer", "No answer"], ["closed", "Closed"], ["temporary", "Out of office"], ["name", "Your name"]];
const FOLDERS = [["", "Messages", ["inbox", "old"]], ["work", "Work"], ["family", "Family"], ["friends", "Friends"], ["trash", "Deleted"]];
const SECONDS_MOST = 180; // of a greeting

/** `changed`: to be called after each change, so that nobody waits for the server's news of it. */
function messageView(message, path, changed) {
  const own = `${path}/messages/${message.id}`;
  const who = () => message.caller_name || message.caller || "anonymous";
  const change = (what) => patch(own, what).then(changed);
  const summary = h("header"), heard = h("div"), acts = h("div", {class: "bar"});
  const element = h("article", {class: "message", "data-id": message.id}, summary, heard, acts);
  const isFax = message.kind === "fax";
  let open = null;

  async function hear() {
    try {
      const [sound, words] = await Promise.all([get(`${own}/audio`), get(`${own}/transcript`).catch(() => null)]);
      if (open) return;
      open = player(sound, `the message from ${who()}`, () => {
        if (!message.heard && !message.deleted) change({heard: true});
      });
      show(heard, open.element, words?.text && h("p", {class: "transcript"}, words.text));
      draw(message);
      open.start();
    } catch (problem) {
      show(heard, h("p", {class: "fault", role: "alert"}, problem.message));
    }
  }

  async function drop() {
    await remove(own);
    notice("The message was deleted.", ["Undo", () => change({deleted: false})], 12);
    changed();
  }

  function draw(now) {
    message = now;
    element.className = message.heard ? "message" : "message new";
    show(summary,
      h("span", {class: "caller"}, who()), message.caller_name && message.caller ? h("span", {class: "soft"}, message.caller) : null,
      moment(message.left), h("span", {class: "number"}, isFax ? `fax of ${message.pages} ${message.pages === 1 ? "page" : "pages"}` : duration(message.duration_ms)),
      message.urgent ? h("span", {class: "tag bad"}, "urgent") : null,
      message.claimed_by ? h("span", {class: "tag"}, `taken by ${message.claimed_by}`) : null,
      !message.heard && !message.deleted ? h("span", {class: "tag live"}, "new") : null);
    const within = acts.contains(document.activeElement);
    show(acts,
      isFax ? h("a", {href: `/api/v1${own}/audio`, target: "_blank", rel: "noopener", onclick: () => { if (!message.heard && !message.deleted) change({heard: true}); }},
        "Open the pages") : null,
      !open && !isFax ? h("button", {type: "button", class: "main", "aria-label": `Play the message from ${who()}`, onclick: hear}, "Play") : null,
      message.deleted ? h("button", {type: "button", onclick: () => change({deleted: false})}, "Restore") : [
        h("button", {type: "button", onclick: () => change({heard: !message.heard})}, message.heard ? "Mark as new" : "Mark as heard"),
        h("button", {type: "button", class: "danger", "aria-label": `Delete the message from ${who()}`, onclick: drop}, "Delete")]);
    if (within) acts.querySelector("button, a").focus(); // the one that was pressed is gone
  }

  draw(message);
  return {element, draw, close: () => open?.close()};
}

function greetingView(path, [kind, title], recorded, again) {
  const own = `${path}/greetings/${kind}`;
  const heard = h("div");
  const file = h("input", {type: "file", accept: ".wav,audio/wav", hidden: true, onchange: () => file.files[0] && keep(file.files[0].slice(0, undefined, "audio/wav"))});
  let taking = null, limit = 0, open = null;

  async function keep(sound) {
    try {
      await request("PUT", own, sound);
      notice(`The greeting “${title}” is stored.`);
    } finally {
      again();
    }
  }

  async function hear() {
    const sound = await get(`${own}/audio`);
    open?.close();
    open = player(sound, `the greeting ${title}`);
    show(heard, open.element);
    open.start();
  }

  async function take(button) {
    clearTimeout(limit);
    if (!taking) {
      try {
        taking = await recorder();
      } catch {
        notice("The microphone cannot be used here.");
        return;
      }
      button.textContent = "Stop and keep";
      limit = setTimeout(() => take(button), SECONDS_MOST * 1000 - 1000);
      return;
    }
    const sound = await taking.stop();
    taking = null;
    await keep(sound);
  }

  return {
    element: h("div", {class: "message", "data-kind": kind}, h("strong", {}, title), " ", h("span", {class: "soft"}, recorded ? "your own" : "the server's words"),
      h("div", {class: "bar"},
        recorded ? h("button", {type: "button", "aria-label": `Play the greeting ${title}`, onclick: hear}, "Play") : null,
        h("button", {type: "button", "aria-label": `Record the greeting ${title}`, onclick: (event) => take(event.currentTarget)}, "Record"),
        h("button", {type: "button", "aria-label": `Send a file as the greeting ${title}`, onclick: () => file.click()}, "Send a WAV file"), file,
        recorded ? h("button", {type: "button", class: "danger", "aria-label": `Erase the greeting ${title}`,
          onclick: () => remove(own).then(again)}, "Erase") : null), heard),
    close() {
      clearTimeout(limit);
      taking?.stop().catch(() => null);
      open?.close();
    },
  };
}

export async function draw(body, {argument}) {
  const path = `/mailboxes/${encodeURIComponent(argument)}`;
  const messages = new Map(); // views by id
  let greetings = [];
  const list = h("div"), welcome = h("section", {class: "sheet", "aria-label": "Greetings"}), none = h("p", {class: "soft"}, "No messages.");
  const folder = h("select", {"aria-label": "Folder", onchange: () => read()}, FOLDERS.map(([name, title]) => h("option", {value: name}, title)));
  let turn = 0;

  async function read() {
    const mine = ++turn;
    const names = FOLDERS.find(([name]) => name === folder.value)[2] ?? [folder.value];
    const items = (await Promise.all(names.map((name) => get(`${path}/messages?limit=500&folder=${name}`)))).flatMap((page) => page.items);
    if (mine !== turn) return; // a later one is under way
    const wanted = new Set(items.map((message) => message.id));
    for (const [id, view] of messages) {
      if (wanted.has(id)) continue;
      view.close();
      view.element.remove();
      messages.delete(id);
    }
    items.sort((a, b) => Date.parse(b.left) - Date.parse(a.left)).forEach((message, i) => {
      let view = messages.get(message.id);
      if (view) view.draw(message);
      else messages.set(message.id, view = messageView(message, path, read));
      if (list.children[i] !== view.element) list.insertBefore(view.element, list.children[i] ?? null);
    });
    none.hidden = items.length > 0;
  }

  async function readGreetings() {
    const recorded = new Map((await get(`${path}/greetings`)).items.map((greeting) => [greeting.kind, greeting.recorded]));
    for (const view of greetings) view.close();
    greetings = GREETINGS.map((greeting) => greetingView(path, greeting, recorded.get(greeting[0]), readGreetings));
    show(welcome, greetings.map((view) => view.element));
  }

  show(body, h("div", {class: "bar"}, folder), h("section", {class: "sheet", "aria-label": "Messages"}, list, none), h("h2", {}, "Greetings"), welcome);
  const end = listen((topic, data) => {
    if (topic === "reset" || (topic === "mailbox.changed" && data.mailbox === argument)) read();
  });
  await read();
  await readGreetings();
  return () => {
    end();
    turn++;
    for (const view of [...messages.values(), ...greetings]) view.close();
  };
}
