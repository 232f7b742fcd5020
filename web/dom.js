/* Elements without a library: text is always text, never markup. */

/** h("button", {onclick: f, class: "main"}, "Mute") */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function show(parent, ...children) {
  parent.replaceChildren(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * A table whose rows stay the same elements while their things stay, so that focus and hearing of a screen reader are not lost.
 * columns: [{head, cell(item) → node, text, or nodes}]; rows get data-key.
 */
export function liveTable({label, columns, key, empty, rowClass}) {
  const body = h("tbody");
  const none = h("p", {class: "soft"}, empty);
  const table = h("table", {class: "stack", "aria-label": label},
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", {scope: "col"}, column.head)))), body);
  const rows = new Map();

  function rowFor(item) {
    let row = rows.get(key(item));
    if (!row) {
      row = {element: h("tr", {"data-key": key(item)}), cells: columns.map((column) => h("td", {"data-head": column.head || null})), drawn: []};
      row.element.append(...row.cells);
      rows.set(key(item), row);
    }
    columns.forEach((column, i) => {
      const sign = column.sign ? column.sign(item) : JSON.stringify(item);
      if (row.drawn[i] === sign) return; // a pressed button must stay the button that was pressed
      row.drawn[i] = sign;
      show(row.cells[i], [column.cell(item)]);
    });
    row.element.className = rowClass ? rowClass(item) : "";
    return row.element;
  }

  return {
    element: h("div", {class: "wide"}, table, none),
    update(items) {
      const wanted = new Set(items.map(key));
      for (const [name, row] of rows) {
        if (wanted.has(name)) continue;
        row.element.remove();
        rows.delete(name);
      }
      items.forEach((item, i) => {
        const element = rowFor(item);
        if (body.children[i] !== element) body.insertBefore(element, body.children[i] ?? null);
      });
      table.hidden = items.length === 0;
      none.hidden = items.length > 0;
    },
  };
}

/** act() now, and when asked again, once a second at most: news may come faster than anybody reads. */
export function calmly(act) {
  let timer = null, again = false;
  return function calm() {
    again = timer !== null;
    if (again) return;
    act();
    timer = setTimeout(() => {
      timer = null;
      if (again) calm();
    }, 1000);
  };
}

/** Tells something for a while; `action`: [words, function], as "Undo". */
export function notice(words, action = null, seconds = 8) {
  const place = document.getElementById("notices");
  const element = h("div", {class: "notice"}, h("span", {}, words));
  const gone = () => element.remove();
  if (action) element.append(h("button", {type: "button", onclick: () => { gone(); action[1](); }}, action[0]));
  place.append(element);
  setTimeout(gone, seconds * 1000);
}

const clock = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});
const hour = new Intl.DateTimeFormat(undefined, {timeStyle: "medium"});
const words = new Intl.RelativeTimeFormat(undefined, {numeric: "auto"});

/** "today 14:03", "yesterday 9:12", or the date. */
export function moment(text) {
  if (!text) return "";
  const at = new Date(text);
  const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const days = Math.round((day(at) - day(new Date())) / 86400000);
  const said = days === 0 || days === -1 ? `${words.format(days, "day")} ${hour.format(at)}` : clock.format(at);
  return h("time", {datetime: text}, said);
}

export function duration(ms) {
  const s = Math.round(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
