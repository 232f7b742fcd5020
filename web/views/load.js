/* How busy the server is: calls and packets over the last minutes, and how long the media workers' ticks take. */
import {h, show, svg} from "../dom.js";

const EVERY_MS = 2000, KEPT = 150, HIGH = 140;
let wide = 600; // as wide as the page

/** Prometheus text → Map from "name{labels}" to number. */
function read(text) {
  const figures = new Map();
  for (const line of text.split("\n")) {
    const at = line.lastIndexOf(" ");
    if (line && line[0] !== "#" && at > 0) figures.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return figures;
}

function curve(title, values, unit) {
  const most = Math.max(1, ...values);
  const points = [values[0] ?? 0, ...values].map((value, i) => `${(wide * (1 - (values.length - i) / KEPT)).toFixed(1)},${(HIGH - 10 - (HIGH - 30) * value / most).toFixed(1)}`).join(" ");
  const last = values.at(-1) ?? 0;
  return h("figure", {}, h("figcaption", {}, `${title}: `, h("strong", {class: "number"}, `${Math.round(last)} ${unit}`), `, at most ${Math.round(most)}`),
    svg("svg", {class: "plot", viewBox: `0 0 ${wide} ${HIGH}`, role: "img", "aria-label": `${title}, now ${Math.round(last)} ${unit}`}, svg("polyline", {class: "curve", points})));
}

/** All ticks since the start, by their length. */
function histogram(buckets) {
  const shown = buckets.filter((bucket) => bucket.count > 0).length ? buckets : [];
  const most = Math.max(1, ...shown.map((bucket) => bucket.count)), step = wide / Math.max(1, shown.length);
  return h("figure", {}, h("figcaption", {}, "Ticks of the media workers since the start, by length; one comes every 10 ms"),
    svg("svg", {class: "plot", viewBox: `0 0 ${wide} ${HIGH}`, role: "img", "aria-label": "Histogram of tick lengths"}, shown.map((bucket, i) => {
      const high = (HIGH - 30) * bucket.count / most;
      return [svg("rect", {class: "bar-fill", x: i * step + 1, y: HIGH - 18 - high, width: step - 2, height: high}, svg("title", {}, `${bucket.count} up to ${bucket.us} µs`)),
        i % Math.ceil(shown.length * 60 / wide) === 0 ? svg("text", {class: "soft", x: i * step, y: HIGH - 4}, bucket.us >= 1000 ? `${Math.round(bucket.us / 1000)} ms` : `${bucket.us} µs`) : null];
    })));
}

export async function draw(body) {
  const calls = [], packets = [];
  let before = null, shown = null, timer = null, over = false;

  function sum(figures, name) {
    let total = 0;
    for (const [key, value] of figures) if (key === name || key.startsWith(`${name}{`)) total += value;
    return total;
  }

  function buckets(figures) {
    let last = 0;
    const found = [...figures].filter(([key]) => key.startsWith("confab_tick_seconds_bucket{") && !key.includes("+Inf"))
      .map(([key, value]) => [Number(/le="([^"]+)"/.exec(key)[1]), value]).sort((a, b) => a[0] - b[0]);
    const all = found.map(([seconds, value]) => { const count = value - last; last = value; return {us: Math.round(seconds * 1e6), count}; });
    const ends = all.map((bucket, i) => (bucket.count > 0 ? i : -1)).filter((i) => i >= 0);
    return ends.length ? all.slice(ends[0], ends.at(-1) + 1) : [];
  }

  async function step() {
    const response = await fetch("/metrics", {credentials: "same-origin"});
    if (!response.ok) throw new Error("The figures cannot be read.");
    const figures = read(await response.text()), now = performance.now();
    calls.push(sum(figures, "confab_calls"));
    const sent = sum(figures, 'confab_rtp_packets_total{direction="sent"}');
    if (before) packets.push((sent - before.sent) * 1000 / (now - before.now));
    before = {sent, now};
    for (const list of [calls, packets]) if (list.length > KEPT) list.shift();
    shown = figures;
    draw();
  }

  function draw() {
    wide = Math.max(300, body.clientWidth);
    show(body, curve("Calls", calls, "calls"), curve("Media", packets, "packets a second"), histogram(buckets(shown)));
  }

  await step();
  window.addEventListener("resize", draw);
  const again = () => { if (!over) timer = setTimeout(() => step().catch(() => null).finally(again), EVERY_MS); };
  again();
  return () => {
    over = true;
    clearTimeout(timer);
    window.removeEventListener("resize", draw);
  };
}
