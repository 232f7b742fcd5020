/* An administrator shows his token, the owner of a mailbox its number and PIN. */
import {request} from "../api.js";
import {h} from "../dom.js";

function form(title, fields, button, onSession) {
  const fault = h("p", {class: "fault", role: "alert"});
  const inputs = fields.map(([name, label, props]) => [name, label, h("input", {name, required: true, ...props})]);
  const send = h("button", {class: "main"}, button);
  return h("form", {class: "login", "aria-label": title, onsubmit: async (event) => {
    event.preventDefault();
    send.disabled = true;
    fault.textContent = "";
    try {
      onSession(await request("POST", "/session", Object.fromEntries(inputs.map(([name, , input]) => [name, input.value.trim()]))));
    } catch (problem) {
      fault.textContent = problem.message;
    } finally {
      send.disabled = false;
    }
  }}, h("h2", {}, title), inputs.map(([, label, input]) => h("label", {}, label, input)), fault, send);
}

export function draw(onSession) {
  return [
    h("h1", {}, "Log in"),
    h("div", {class: "bar top"},
      form("Your mailbox", [["mailbox", "Mailbox", {inputmode: "tel", autocomplete: "username"}],
        ["pin", "PIN", {type: "password", inputmode: "numeric", autocomplete: "current-password"}]], "Open the mailbox", onSession),
      form("Administration", [["token", "Token", {type: "password", autocomplete: "off"}]], "Log in", onSession)),
  ];
}
