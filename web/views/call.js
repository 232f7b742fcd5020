/* What became of one call: its record, and its way through the links as a ladder. */
import {follow, get} from "../api.js";
import {duration, h, moment, show, svg} from "../dom.js";

const COLUMN = 170, ROW = 26, TOP = 40, TIME = 90;

/** confab and each leg and link a column, each event a row: what came from a leg or went to it is an arrow, what a link decided a dot. */
function ladder(lines, legs) {
  const place = (line) => (line.leg !== null ? `leg ${line.leg}` : line.link || "confab");
  const roles = new Map(legs.map((leg) => [`leg ${leg.leg}`, leg.role]));
  const names = [...new Set(lines.map(place))].filter((name) => name !== "confab");
  names.sort((a, b) => rank(a) - rank(b)); // else as they came
  names.splice(names.findIndex((name) => rank(name) > 0) < 0 ? names.length : names.findIndex((name) => rank(name) > 0), 0, "confab");
  const width = TIME + COLUMN * (names.length + 0.5), height = TOP + ROW * (lines.length + 1);
  const x = (name) => TIME + COLUMN * (names.indexOf(name) + 0.5);

  /** The caller stands left of confab, links right of it, the legs that it made at the right. */
  function rank(name) {
    if (roles.get(name) === "caller") return 0;
    return name.startsWith("leg ") ? 2 : 1;
  }

  function row(line, i) {
    const y = TOP + ROW * (i + 0.5), name = place(line), at = x(name), home = x("confab");
    const words = line.event === "response" ? line.detail : `${line.event}${line.decision ? ` → ${line.decision}` : ""}`;
    const towards = line.sent ? at : home, from = line.sent ? home : at, back = towards > from ? -8 : 8;
    return svg("g", {}, svg("title", {}, [line.event, line.decision, line.edits, line.detail, line.took_us ? `${line.took_us} µs` : null].filter(Boolean).join(" · ")),
      svg("text", {class: "soft", x: 4, y: y + 4}, `${(line.at_us / 1000).toFixed(1)} ms`),
      line.leg !== null ? [
        svg("path", {class: "arrow", d: `M${from} ${y}H${towards}m${back} -4l${-back} 4l${back} 4`}),
        svg("text", {x: Math.min(at, home) + 12, y: y - 4}, words)] : [
        svg("circle", {class: "dot", cx: at, cy: y, r: 4}), svg("text", {x: at + 9, y: y + 4}, words)]);
  }

  return svg("svg", {class: "ladder", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${lines.length} events at ${names.join(", ")}`},
    names.map((name) => [
      svg("text", {x: x(name), y: 20, "text-anchor": "middle", "font-weight": "bold"}, roles.has(name) ? `${name}: ${roles.get(name)}` : name),
      svg("line", {x1: x(name), x2: x(name), y1: TOP - 10, y2: height}),
    ]), lines.map(row));
}

function recordView(call, trace) {
  const over = call.status !== undefined;
  return [
    h("p", {}, call.caller || "anonymous", " called ", call.number, ", ", moment(call.started),
      over ? ` – status ${call.status}${call.reason ? ` (${call.reason})` : ""}, talked for ${duration(call.talk_ms ?? 0)}` : ` – ${call.state}`),
    h("h2", {}, "Its way"),
    trace.length > 0 ? h("div", {class: "wide"}, ladder(trace, call.legs)) : h("p", {class: "soft"}, "No trace is kept of it."),
    over && call.legs.length > 0 ? [h("h2", {}, "Legs"), h("div", {class: "wide"}, h("table", {}, h("thead", {}, h("tr", {},
      ["Leg", "Role", "Codec", "Talked", "Packets", "Lost", "MOS"].map((head) => h("th", {scope: "col"}, head)))),
    h("tbody", {}, call.legs.map((leg) => h("tr", {}, [leg.leg, leg.role, leg.codec, duration(leg.talk_ms ?? 0),
      `${leg.packets_received ?? 0} in, ${leg.packets_sent ?? 0} out`, leg.packets_lost ?? 0, leg.mos ?? ""].map((cell) => h("td", {}, String(cell ?? ""))))))))] : null,
  ];
}

export async function draw(body, {argument}) {
  const id = encodeURIComponent(argument);
  let late = 0, stood = false;

  async function read() {
    const standing = (await get("/calls")).items.find((call) => call.id === argument);
    if (!standing && stood) { // its record goes through a queue
      stood = false;
      late = setTimeout(again, 1500);
      return;
    }
    stood = !!standing;
    const call = standing ?? await get(`/cdrs/${id}`);
    show(body, recordView(call, (await get(`/calls/${id}/trace?limit=1000`)).items));
  }

  const {again, end} = follow(read, (topic, data) => { if (topic.startsWith("call.") && data.id === argument) again(); });
  await again();
  return () => { clearTimeout(late); end(); };
}
