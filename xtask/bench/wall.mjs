// Measures the wall in headless Chromium: loads it with a class, saves at some rates, and prints a
// line of JSON for each state, as the browser counts it by its DevTools protocol.
//
//   node --experimental-websocket wall.mjs PROGRAM SAMPLE PARTICIPANTS SECONDS SIZES

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";

const [program, sample, participants, seconds, sizes] = process.argv.slice(2);
const NOTEBOOK = "module1/day1.ipynb";
const TOKEN = "the-token-of-the-benchmark";
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pipalhub-bench-"));
const children = [];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The homes of a class, each as far as one of the sample's participants came. */
function makeClass() {
  const lessons = fs
    .readdirSync(sample)
    .map((user) => [user, path.join(sample, user, NOTEBOOK)])
    .filter(([, lesson]) => fs.existsSync(lesson));
  return Array.from({ length: Number(participants) }, (_, at) => {
    const [user, lesson] = lessons[at % lessons.length];
    const notebook = JSON.parse(fs.readFileSync(lesson, "utf8"));
    const { cells } = notebook;
    cells.length -= at % Math.floor(cells.length / 2);
    const name = `${user}${Math.floor(at / lessons.length)}`;
    const file = path.join(folder, "homes", name, NOTEBOOK);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, JSON.stringify(notebook));
    return { name, file, notebook, turn: 0 };
  });
}

/** Starts the service; resolves to its address. */
function serve() {
  const homes = path.join(folder, "homes/{user}");
  const data = path.join(folder, "data");
  const service = spawn(program, ["serve", "--bind", "127.0.0.1:0", "--homes", homes, "--data", data], {
    env: { ...process.env, PIPALHUB_TOKEN: TOKEN },
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(service);
  return new Promise((resolve) => {
    readline.createInterface(service.stdout).once("line", (line) => resolve(line.split("#")[0]));
  });
}

/** Starts the browser; resolves to a function that sends a command of its protocol to its page. */
async function browse() {
  const browser = spawn("chromium", [...FLAGS, `--user-data-dir=${folder}/profile`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(browser);
  const port = await new Promise((resolve) => {
    readline.createInterface(browser.stderr).on("line", (line) => {
      const found = line.match(/ws:\/\/127\.0\.0\.1:(\d+)/);
      if (found) resolve(found[1]);
    });
  });
  const pages = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(pages.find((it) => it.type === "page").webSocketDebuggerUrl);
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(data);
    waiting.get(answer.id)?.(answer.result);
    waiting.delete(answer.id);
  };
  let id = 0;
  return (method, params = {}) =>
    new Promise((resolve) => {
      id += 1;
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
}

async function measure() {
  const people = makeClass();
  const base = await serve();
  const send = await browse();
  const run = async (expression) =>
    (await send("Runtime.evaluate", { expression, returnByValue: true })).result.value;
  const metrics = async () => {
    const { metrics: all } = await send("Performance.getMetrics");
    return Object.fromEntries(all.map(({ name, value }) => [name, value]));
  };
  const until = async (expression) => {
    while (!(await run(expression))) await pause(50);
  };
  const report = (of) => console.log(JSON.stringify({ participants: people.length, ...of }));

  /** Changes the end of somebody's notebook, and tells the service. */
  async function save(person) {
    const last = person.notebook.cells.at(-1);
    person.turn += 1;
    last.source = `turn = ${person.turn}`;
    fs.writeFileSync(person.file, JSON.stringify(person.notebook));
    const { name, file } = person;
    const body = { type: "save-notebook", user: name, filename: NOTEBOOK, path: file };
    await fetch(`${base}events`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `token ${TOKEN}` },
      body: JSON.stringify(body),
    });
  }

  async function play(rate, who) {
    const begun = Date.now();
    let saves = 0;
    while (Date.now() - begun < seconds * 1000) {
      const due = Math.floor(((Date.now() - begun) / 1000) * rate);
      for (; saves < due; saves += 1) await save(who[(saves * 7) % who.length]);
      await pause(5);
    }
    return saves;
  }

  await send("Performance.enable", { timeDomain: "threadTicks" });
  await send("Emulation.setDeviceMetricsOverride", {
    width: 1920,
    height: 1080,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await send("Page.navigate", { url: `${base}#token=${TOKEN}` });
  await until(
    `document.querySelectorAll("[data-testid=tile]").length >= ${people.length} &&
     document.querySelectorAll(".nb-cell").length > 0`,
  );
  await pause(2000);
  const loaded = await metrics();
  report({
    size: "loaded",
    main_ms: loaded.TaskDuration * 1000,
    script_ms: loaded.ScriptDuration * 1000,
    layouts: loaded.LayoutCount,
    styles: loaded.RecalcStyleCount,
    nodes: loaded.Nodes,
  });
  await run(
    `window.longTasks = [];
     new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((it) => it.duration)))
       .observe({ type: "longtask" });`,
  );
  for (const size of sizes.split(",")) {
    const query = size === "tiles" ? "" : `&size=${size}`;
    await run(
      `history.pushState(null, "", "?notebook=${NOTEBOOK}${query}");
       dispatchEvent(new PopStateEvent("popstate"));`,
    );
    await pause(2000);
    const inSight = await run(
      `[...document.querySelectorAll("[data-testid=tile]")].filter((tile) => {
         const { top, bottom } = tile.getBoundingClientRect();
         return top < innerHeight && bottom > 0;
       }).map((tile) => tile.dataset.user)`,
    );
    const seen = people.filter(({ name }) => inSight.includes(name));
    const unseen = people.filter(({ name }) => !inSight.includes(name));
    for (const [where, rate, who] of [
      ["idle", 0, people],
      ["all", 12, people],
      ["all", 60, people],
      ["in sight", 12, seen],
      ["out of sight", 12, unseen],
    ]) {
      if (who.length === 0) continue;
      await pause(2500);
      await run("longTasks.length = 0");
      const before = await metrics();
      const saves = rate ? await play(rate, who) : (await pause(seconds * 1000), 0);
      const after = await metrics();
      const spent = (name) => after[name] - before[name];
      report({
        size,
        where,
        rate,
        saves,
        seconds: Number(seconds),
        layouts: spent("LayoutCount"),
        styles: spent("RecalcStyleCount"),
        script_ms: spent("ScriptDuration") * 1000,
        main_ms: spent("TaskDuration") * 1000,
        longest_ms: await run("Math.max(0, ...longTasks)"),
        nodes: after.Nodes,
      });
    }
  }
}

const failed = await measure().then(
  () => 0,
  (error) => {
    console.error(error);
    return 1;
  },
);
for (const child of children) child.kill();
await pause(500);
fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
process.exit(failed);
