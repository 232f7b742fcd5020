/*
 * A browser for tests that are written in another language: one JSON object a line in, {"call": …, …}, one a line out,
 * {"value": …} or {"error": "…"}. node browser.mjs MODULES-FOLDER CHROMIUM
 */
import {createRequire} from "node:module";
import readline from "node:readline";

const [modules, executablePath] = process.argv.slice(2);
const {chromium} = createRequire(`${modules}/`)("playwright-core");
const browser = await chromium.launch({executablePath, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required",
  "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]});
const context = await browser.newContext({viewport: {width: 1280, height: 900}, permissions: ["microphone"]});
const page = await context.newPage();
const faults = [];
page.on("pageerror", (error) => faults.push(String(error)));
page.on("console", (message) => { if (message.type() === "error") faults.push(message.text()); });

const calls = {
  forget: () => context.clearCookies().then(() => null),
  look: ({scheme, width}) => page.emulateMedia({colorScheme: scheme}).then(() => page.setViewportSize({width, height: 900})).then(() => null),
  goto: ({url}) => page.goto(url).then(() => null),
  fill: ({at, text, ms}) => page.fill(at, text, {timeout: ms}).then(() => null),
  click: ({at, ms}) => page.click(at, {timeout: ms}).then(() => null),
  click_part: async ({at, part}) => { // so far from its left to its right
    const box = await page.locator(at).boundingBox();
    await page.mouse.click(box.x + box.width * part, box.y + box.height / 2);
    return null;
  },
  upload: ({at, path}) => page.setInputFiles(at, path).then(() => null),
  press: ({at, key, ms}) => page.press(at, key, {timeout: ms}).then(() => null),
  wait: ({at, ms}) => page.waitForSelector(at, {timeout: ms}).then(() => null),
  gone: ({at, ms}) => page.waitForSelector(at, {state: "detached", timeout: ms}).then(() => null),
  text: ({at, ms}) => page.innerText(at, {timeout: ms}),
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
