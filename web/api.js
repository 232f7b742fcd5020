/* The server: requests, and its events. */

/** A problem of RFC 9457. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `The server answered ${status}.`);
    this.status = status;
    this.body = body;
  }
}

export async function request(method, path, body) {
  const options = {method, headers: {Accept: "application/json"}, credentials: "same-origin"};
  if (body instanceof Blob) {
    options.body = body;
    options.headers["Content-Type"] = body.type;
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch("/api/v1" + path, options);
  } catch {
    throw new Problem(0, {detail: "The server cannot be reached."});
  }
  if (response.status === 204) return null;
  const type = response.headers.get("Content-Type") ?? "";
  const answer = type.includes("json") ? await response.json() : await response.blob();
  if (!response.ok) throw new Problem(response.status, type.includes("json") ? answer : null);
  return answer;
}

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body ?? {});
export const patch = (path, body) => request("PATCH", path, body);
export const remove = (path) => request("DELETE", path);

/* -- events: one stream for the whole page ------------------------------------------------------------ */

const TOPICS = ["reset", "call.began", "call.changed", "call.ended", "room.began", "room.changed", "room.ended", "member.joined",
  "member.changed", "member.talks", "member.left", "registration.changed", "mailbox.changed"];
const listeners = new Set();
let source = null, retry = 0;

function tell(topic, data) {
  for (const listener of [...listeners]) listener(topic, data);
}

/** onState(true) when news come, onState(false) when they do not; onGone() when the session is over. */
export function eventsOpen(onState, onGone, lost = false) {
  eventsClose();
  source = new EventSource("/api/v1/events");
  source.onopen = () => {
    onState(true);
    if (lost) tell("reset", {});
    lost = false;
  };
  source.onerror = () => {
    onState(false);
    // Else the browser comes back by itself, and misses nothing.
    if (source?.readyState === EventSource.CLOSED) eventsRetry(onState, onGone);
  };
  for (const topic of TOPICS) source.addEventListener(topic, (event) => tell(topic, JSON.parse(event.data)));
}

function eventsRetry(onState, onGone) {
  clearTimeout(retry);
  retry = setTimeout(() => get("/session").then(() => eventsOpen(onState, onGone, true),
    (problem) => (problem.status === 401 ? onGone() : eventsRetry(onState, onGone))), 1000);
}

export function eventsClose() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

/** How loud those are who talk in that room: listener([[member, dBFS], …]); returns what ends it. */
export function levelsOf(room, listener) {
  const levels = new EventSource(`/api/v1/events?room=${encodeURIComponent(room)}`);
  levels.addEventListener("room.levels", (event) => listener(JSON.parse(event.data).levels));
  return () => levels.close();
}

/** Nobody listens any more: a view that could not be drawn to its end has not said so itself. */
export function listenersClear() {
  listeners.clear();
}

/** listener(topic, data); returns what ends it. After "reset" all must be read anew. */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * What is shown and the news of it in step: read() fetches all, hear(topic, data) takes what has changed. News that come while all is being
 * fetched are heard after it: the answer may be older than they are. Returns again(), which fetches all anew, and end().
 */
export function follow(read, hear) {
  let reading = null, kept = [];
  function again() {
    reading ??= read().finally(() => {
      reading = null;
      for (const [topic, data] of kept.splice(0)) take(topic, data);
    });
    return reading;
  }
  function take(topic, data) {
    if (reading) kept.push([topic, data]);
    else if (topic === "reset") again();
    else hear(topic, data);
  }
  return {again, end: listen(take)};
}
