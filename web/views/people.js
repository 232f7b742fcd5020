/* Subscribers and the services that they have on. */
import {get, listen} from "../api.js";
import {calmly, h, liveTable, show} from "../dom.js";

export async function draw(body, {session}) {
  const table = liveTable({
    label: "Subscribers", key: (person) => person.number, empty: "There is no subscriber.",
    columns: [
      {head: "Number", cell: (person) => h("a", {href: `#/people/${encodeURIComponent(person.number)}`}, person.number), sign: (person) => person.number},
      {head: "Name", cell: (person) => person.name ?? ""},
      {head: "Phones", cell: (person) => h("span", {class: "number"}, String(person.contacts))},
      {head: "Mailbox", cell: (person) => person.mailbox && (session.role === "admin" ? h("a", {href: `#/mailboxes/${encodeURIComponent(person.mailbox)}`}, person.mailbox) : person.mailbox)},
      {head: "Services", cell: (person) => Object.entries(person.services).map(([name, parameters]) => h("span", {class: "tag",
        title: JSON.stringify(parameters)}, name))},
    ],
  });
  const read = async () => table.update((await get("/subscribers?limit=1000")).items);

  show(body, table.element);
  const again = calmly(read);
  const end = listen((topic) => { if (topic === "reset" || topic === "registration.changed") again(); });
  await read();
  return end;
}
