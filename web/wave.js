/* A sound with its shape: play, seek, speed. */
import {duration, h, notice} from "./dom.js";

const SPEEDS = [0.75, 1, 1.25, 1.5, 2];
const BARS = 200;

async function peaks(blob) {
  const context = new OfflineAudioContext(1, 1, 8000);
  const samples = (await context.decodeAudioData(await blob.arrayBuffer())).getChannelData(0);
  const step = Math.max(1, Math.floor(samples.length / BARS));
  return Array.from({length: Math.min(BARS, Math.ceil(samples.length / step))}, (_, i) => {
    let most = 0;
    for (let k = i * step; k < Math.min((i + 1) * step, samples.length); k++) most = Math.max(most, Math.abs(samples[k]));
    return most;
  });
}

/** A player of this blob; `onPlay` once, when it is first heard. close() lets go of the sound. */
export function player(blob, label, onPlay) {
  const url = URL.createObjectURL(blob);
  const audio = h("audio", {src: url, preload: "auto"});
  const canvas = h("canvas", {"aria-hidden": "true"});
  const seek = h("input", {type: "range", min: 0, max: 1000, value: 0, "aria-label": `Place in ${label}`});
  const time = h("span", {class: "soft number"}, "0:00");
  const play = h("button", {type: "button", class: "main"}, "Play");
  const speed = h("select", {"aria-label": "Speed", onchange: () => { audio.playbackRate = Number(speed.value); }},
    SPEEDS.map((rate) => h("option", {value: rate, selected: rate === 1}, `${rate}×`)));
  let shape = [], frame = 0;

  function draw() {
    const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth * ratio, high = 64 * ratio;
    if (canvas.width !== wide) { canvas.width = wide; canvas.height = high; }
    const paint = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const done = audio.duration ? audio.currentTime / audio.duration : 0, step = wide / BARS, most = Math.max(0.05, ...shape);
    paint.clearRect(0, 0, wide, high);
    shape.forEach((peak, i) => {
      const bar = Math.max(2 * ratio, peak / most * high * 0.9);
      paint.fillStyle = style.getPropertyValue(i / shape.length < done ? "--accent" : "--soft");
      paint.fillRect(i * wide / shape.length, (high - bar) / 2, Math.max(1, step * 0.7), bar);
    });
    time.textContent = `${duration(audio.currentTime * 1000)} of ${duration((audio.duration || 0) * 1000)}`;
    if (document.activeElement !== seek || !audio.paused) seek.value = String(Math.round(done * 1000));
    seek.setAttribute("aria-valuetext", time.textContent);
  }

  function run() {
    draw();
    if (!audio.paused) frame = requestAnimationFrame(run);
  }

  play.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
  seek.addEventListener("input", () => { if (audio.duration) audio.currentTime = Number(seek.value) / 1000 * audio.duration; });
  audio.addEventListener("play", () => { play.textContent = "Pause"; run(); onPlay?.(); onPlay = null; });
  audio.addEventListener("pause", () => { play.textContent = "Play"; draw(); });
  for (const event of ["loadedmetadata", "seeked", "ended"]) audio.addEventListener(event, draw);
  peaks(blob).then((found) => { shape = found; draw(); }, () => null);
  return {
    element: h("div", {class: "player"}, h("div", {class: "wave"}, canvas, seek), h("div", {class: "bar"}, play, speed, time, audio)),
    start: () => audio.play().catch(() => notice("The sound cannot be played here.")),
    close() {
      cancelAnimationFrame(frame);
      audio.pause();
      URL.revokeObjectURL(url);
    },
  };
}

/** What the microphone hears, until stop(), as WAV: 16 bit, one channel, 16 kHz. */
export async function recorder() {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true});
  const taken = new MediaRecorder(stream), parts = [];
  taken.addEventListener("dataavailable", (event) => parts.push(event.data));
  taken.start();
  return {
    stop: () => new Promise((resolve, reject) => {
      taken.addEventListener("stop", async () => {
        stream.getTracks().forEach((track) => track.stop());
        try {
          resolve(await wav(new Blob(parts, {type: taken.mimeType})));
        } catch (error) {
          reject(error);
        }
      });
      taken.stop();
    }),
  };
}

async function wav(blob) {
  const rate = 16000;
  const heard = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await blob.arrayBuffer());
  const mixed = new OfflineAudioContext(1, Math.ceil(heard.duration * rate), rate), from = mixed.createBufferSource();
  from.buffer = heard;
  from.connect(mixed.destination);
  from.start();
  const samples = (await mixed.startRendering()).getChannelData(0), out = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (at, text) => [...text].forEach((c, i) => out.setUint8(at + i, c.charCodeAt(0)));
  word(0, "RIFF"); out.setUint32(4, 36 + 2 * samples.length, true); word(8, "WAVEfmt ");
  out.setUint32(16, 16, true); out.setUint16(20, 1, true); out.setUint16(22, 1, true);
  out.setUint32(24, rate, true); out.setUint32(28, 2 * rate, true); out.setUint16(32, 2, true); out.setUint16(34, 16, true);
  word(36, "data"); out.setUint32(40, 2 * samples.length, true);
  samples.forEach((s, i) => out.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, s)) * 32767), true));
  return new Blob([out.buffer], {type: "audio/wav"});
}
