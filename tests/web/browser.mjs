/*
 * A browser for tests that are written in another language: one JSON object a line in, {"call": …, …}, one a line out,
 * {"value": …} or {"error": "…"}. node browser.mjs MODULES-FOLDER CHROMIUM [DARK|LIGHT WIDTH HEIGHT]
 */
import {createRequire} from "node:module";
import readline from "node:readline";

const [modules, executablePath, scheme = "light", width = "1280", height = "900"] = process.argv.slice(2);
const {chromium} = createRequire(`${modules}/`)("playwright-core");
const browser = await chromium.launch({executablePath, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required",
  "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]});
const context = await browser.newContext({colorScheme: scheme, viewport: {width: Number(width), height: Number(height)}, permissions: ["microphone"]});
const page = await context.newPage();
const faults = [];
page.on("pageerror", (error) => faults.push(String(error)));
page.on("console", (message) => { if (message.type() === "error") faults.push(message.text()); });

const calls = {
  goto: ({url}) => page.goto(url).then(() => null),
  fill: ({at, text}) => page.fill(at, text, {timeout: 15000}).then(() => null),
  click: ({at}) => page.click(at, {timeout: 15000}).then(() => null),
  press: ({at, key}) => page.press(at, key, {timeout: 15000}).then(() => null),
  wait: ({at, ms = 15000}) => page.waitForSelector(at, {timeout: ms}).then(() => null),
  gone: ({at, ms = 15000}) => page.waitForSelector(at, {state: "detached", timeout: ms}).then(() => null),
  text: ({at}) => page.innerText(at, {timeout: 15000}),
  eval: ({code}) => page.evaluate(code),
  screenshot: ({path}) => page.screenshot({path, fullPage: true}).then(() => null),
  faults: () => faults.splice(0),
};

for await (const line of readline.createInterface({input: process.stdin})) {
  const order = JSON.parse(line);
  let answer;
  try {
    answer = {value: await calls[order.call](order)};
  } catch (error) {
    answer = {error: String(error?.message ?? error)};
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
