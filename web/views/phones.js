/* The phones that are registered. */
import {get, listen} from "../api.js";
import {calmly, h, liveTable, moment, show} from "../dom.js";

export async function draw(body) {
  const table = liveTable({
    label: "Phones", key: (phone) => `${phone.subscriber} ${phone.contact}`, empty: "No phone is registered.",
    columns: [
      {head: "Subscriber", cell: (phone) => phone.subscriber},
      {head: "Phone", cell: (phone) => phone.user_agent || h("span", {class: "soft"}, "says no name")},
      {head: "Contact", cell: (phone) => h("code", {}, phone.contact)},
      {head: "Until", cell: (phone) => moment(phone.expires)},
    ],
  });
  const read = async () => table.update((await get("/registrations?limit=1000")).items);

  show(body, table.element);
  const again = calmly(read);
  const end = listen((topic) => { if (topic === "reset" || topic === "registration.changed") again(); });
  await read();
  return end;
}
