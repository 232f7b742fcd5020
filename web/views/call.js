/* What became of one call: its record, and its way through the links as a ladder. */
import {get} from "../api.js";
import {duration, h, moment, show, svg} from "../dom.js";

const COLUMN = 150, ROW = 26, TOP = 40, TIME = 90;

/** Every link a column, every event a row; what is sent goes to the next link, in the direction it goes. */
function ladder(lines) {
  const names = [...new Set(lines.map((line) => line.link || "call"))];
  const width = TIME + COLUMN * Math.max(names.length, 3), height = TOP + ROW * (lines.length + 1);
  const x = (line) => TIME + COLUMN * (names.indexOf(line.link || "call") + 0.5);
  return svg("svg", {class: "ladder", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${lines.length} events at ${names.join(", ")}`},
    names.map((name, i) => [
      svg("text", {x: TIME + COLUMN * (i + 0.5), y: 20, "text-anchor": "middle", "font-weight": "bold"}, name),
      svg("line", {x1: TIME + COLUMN * (i + 0.5), x2: TIME + COLUMN * (i + 0.5), y1: TOP - 10, y2: height}),
    ]),
    lines.map((line, i) => {
      const y = TOP + ROW * (i + 0.5);
      return svg("g", {}, svg("title", {}, [line.event, line.decision, line.edits, line.detail].filter(Boolean).join(" · ")),
        svg("text", {class: "soft", x: 4, y: y + 4}, `${(line.at_us / 1000).toFixed(1)} ms`),
        svg("circle", {class: "dot", cx: x(line), cy: y, r: 4}),
        svg("text", {x: x(line) + 9, y: y + 4}, `${line.event}${line.decision ? ` → ${line.decision}` : ""}`));
    }));
}

export async function draw(body, {argument}) {
  const id = encodeURIComponent(argument);
  const call = await get(`/cdrs/${id}`).catch(() => get(`/calls/${id}`));
  const trace = await get(`/calls/${id}/trace`).catch(() => ({items: []}));

  show(body,
    h("p", {}, call.caller || "anonymous", " called ", call.number, ", ", moment(call.started),
      call.status ? ` – status ${call.status}${call.reason ? ` (${call.reason})` : ""}, talked for ${duration(call.talk_ms ?? 0)}` : ` – ${call.state}`),
    h("h2", {}, "Its way"),
    trace.items.length > 0 ? ladder(trace.items) : h("p", {class: "soft"}, "A call's way is written down when it ends."),
    (call.legs ?? []).length > 0 && call.status ? [h("h2", {}, "Legs"), h("div", {class: "wide"}, h("table", {}, h("thead", {}, h("tr", {},
      ["Leg", "Role", "Codec", "Talked", "Packets", "Lost", "MOS"].map((head) => h("th", {scope: "col"}, head)))),
    h("tbody", {}, call.legs.map((leg) => h("tr", {}, [leg.leg, leg.role, leg.codec, duration(leg.talk_ms ?? 0),
      `${leg.packets_received ?? 0} in, ${leg.packets_sent ?? 0} out`, leg.packets_lost ?? 0, leg.mos ?? ""].map((cell) => h("td", {}, String(cell ?? ""))))))))] : null);
}
