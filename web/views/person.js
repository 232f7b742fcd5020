/* One subscriber: his services, switched on and off, and what each is told (docs/services.md). */
import {get, request} from "../api.js";
import {h, notice, show} from "../dom.js";

/* [name, what it does, fields]: a field is [name, label, list?]; what has other parameters takes them as JSON. */
const SERVICES = [
  ["dnd", "Do not disturb", [["allow", "But for", true]]],
  ["forward-always", "Forward each call", [["to", "To"]]],
  ["forward-busy", "Forward where all phones are busy", [["to", "To"]]],
  ["forward-no-answer", "Forward without an answer", [["to", "To"]]],
  ["forward-unreachable", "Forward where no phone is reached", [["to", "To"]]],
  ["block", "Refuse these callers", [["numbers", "Numbers", true]]],
  ["allow", "Let only these callers through", [["numbers", "Numbers", true]]],
  ["reject-anonymous", "Refuse who withholds his number", []],
  ["screen", "Have callers say their name", []],
  ["simring", "Ring other numbers together with his phones", [["numbers", "Numbers", true]]],
  ["record", "Record his calls", []],
  ["hold-music", "Music for who is held", []],
];

function valueOf([, , list], input) {
  const text = input.value.trim();
  if (!text) return undefined; // JSON leaves it out
  return list ? text.split(/[\s,]+/).filter(Boolean) : text;
}

function textOf(value) {
  return Array.isArray(value) ? value.join(" ") : String(value ?? "");
}

export async function draw(body, {argument, session}) {
  const path = `/subscribers/${encodeURIComponent(argument)}`;
  const acts = session.role === "admin";

  function serviceView([name, words, fields], on, again) {
    const inputs = fields.map((field) => [field, h("input", {value: textOf(on?.[field[0]]), disabled: !acts, inputmode: "tel", size: 14})]);
    const store = async (enabled) => {
      /* What this page does not show stays as it is. */
      const parameters = {...(on ?? {}), ...Object.fromEntries(inputs.map(([field, input]) => [field[0], valueOf(field, input)]))};
      await request("PUT", `${path}/services/${name}`, enabled ? {enabled, parameters} : {enabled});
      notice(`“${words}” is ${enabled ? "on" : "off"}.`);
      await again();
    };
    return h("form", {class: "message bar", "data-service": name, onsubmit: (event) => { event.preventDefault(); store(true); }},
      h("strong", {}, words), on ? h("span", {class: "tag live"}, "on") : null,
      inputs.map(([field, input]) => h("label", {}, `${field[1]} `, input)),
      acts ? [h("button", {class: on ? null : "main"}, on ? "Change" : "Switch on"),
        on ? h("button", {type: "button", class: "danger", onclick: () => store(false)}, "Switch off") : null] : null);
  }

  async function again() {
    const person = await get(path);
    const on = person.services;
    const others = Object.keys(on).filter((name) => !SERVICES.some((service) => service[0] === name));
    show(body, h("p", {}, person.name || person.number, ", ", `${person.contacts} phones`, person.mailbox ? [", mailbox ", person.mailbox] : null),
      h("h2", {}, "Services"), h("section", {class: "sheet", "aria-label": "Services"}, SERVICES.map((service) => serviceView(service, on[service[0]], again))),
      others.length > 0 ? h("p", {}, "Also on: ", others.map((name) => h("span", {class: "tag", title: JSON.stringify(on[name])}, name))) : null);
  }

  await again();
}
