// What TabLibrary asks of the browser, in Playwright's words: tabs by name, their frames, and what disturbs them.

const http = { "http:": require("node:http"), "https:": require("node:https") };
const profiles = new Map();
const tabs = new Map();

function tab(name) {
  if (!tabs.has(name)) throw new Error(`there is no tab ${name}`);
  return tabs.get(name);
}

function watch(name, page) {
  const kept = { page, frames: [], errors: [], held: 0, socket: "", answers: [] };
  tabs.set(name, kept);
  page.on("websocket", (socket) => {
    const note = (way, text) => kept.frames.push({ at: Date.now() / 1000, way, text });
    kept.socket = socket.url();
    note("opened", new URL(socket.url()).pathname);
    socket.on("framesent", ({ payload }) => note("sent", String(payload)));
    socket.on("framereceived", ({ payload }) => note("received", String(payload)));
    socket.on("close", () => note("closed", ""));
  });
  page.on("response", (answer) => kept.answers.push({ path: new URL(answer.url()).pathname, status: answer.status() }));
  page.on("pageerror", (error) => kept.errors.push(String(error?.stack ?? error)));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content.Security.Policy/i.test(message.text())) kept.errors.push(message.text());
  });
  return kept;
}

// From now on the page's clock is wrong by so much more.
function setClock(by) {
  if (globalThis.lockstepAhead === undefined) {
    const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...given) {
        super(...(given.length ? given : [Real.now() + globalThis.lockstepAhead]));
      }
      static now() {
        return Real.now() + globalThis.lockstepAhead;
      }
    };
  }
  globalThis.lockstepAhead = (globalThis.lockstepAhead ?? 0) + by;
}

const visible = (selectors) =>
  Object.fromEntries(
    Object.entries(selectors).map(([name, selector]) => [
      name,
      [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).map((one) => one.textContent.trim()),
    ]),
  );

// All that a user could read, or find in a field.
const shown = () => [document.title, document.body.textContent, ...[...document.querySelectorAll("input,textarea")].map((one) => one.value)].join("\n");

async function act(page, { kind, selector, value }, timeout) {
  const found = page.locator(selector).first();
  if (kind === "click") await found.click({ timeout });
  else if (kind === "fill") await found.fill(value, { timeout });
  else await found.press(value, { timeout });
}

// The lifecycle state "frozen" stops no page that is to be seen, so its scripts are held where they next run.
async function freeze(kept) {
  kept.devtools = await kept.page.context().newCDPSession(kept.page);
  await kept.devtools.send("Debugger.enable");
  await kept.devtools.send("Debugger.pause");
}

async function wake(kept) {
  await kept.devtools.send("Debugger.disable");
  await kept.devtools.detach();
  kept.devtools = null;
}

// A request as the browser would send it, from here: the answer's cookies are nobody's.
async function unheard(request) {
  const url = new URL(request.url());
  const headers = Object.fromEntries(Object.entries(await request.allHeaders()).filter(([name]) => !name.startsWith(":")));
  const sent = { method: request.method(), headers, rejectUnauthorized: false, agent: false };
  await new Promise((done, failed) => {
    const asked = http[url.protocol].request(url, sent, (answer) => answer.resume().on("end", done));
    asked.on("error", failed);
    asked.end(request.postDataBuffer() ?? undefined);
  });
}

const verbs = {
  async profile({ name, clock }, browser) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 640 } });
    if (clock) await context.addInitScript(setClock, clock);
    profiles.set(name, context);
  },
  // Cookies end by the clock of the machine: where it cannot step, each of them ends so much sooner, or later.
  async step({ name, by }) {
    const context = tab(name).page.context();
    await context.addInitScript(setClock, by);
    await Promise.all(context.pages().map((page) => page.evaluate(setClock, by)));
    const kept = await context.cookies();
    await context.clearCookies();
    const lasting = kept.map((one) => (one.expires < 0 ? one : { ...one, expires: one.expires - by / 1000 }));
    const left = lasting.filter(({ expires }) => expires < 0 || expires > Date.now() / 1000);
    await context.addCookies(left.map(({ domain, path, ...one }) => ({ ...one, url: `https://${domain}${path}` })));
  },
  async open({ profile, name, url, timeout }) {
    const page = await profiles.get(profile).newPage();
    watch(name, page);
    await page.goto(url, { timeout, waitUntil: "commit" });
  },
  // A copy has what the tab holds (session storage); a window has not.
  async popup({ name, from, features, timeout }) {
    const opener = tab(from).page;
    const opened = opener.context().waitForEvent("page", { timeout });
    await opener.evaluate((wanted) => void window.open(location.href, "_blank", wanted), features);
    watch(name, await opened);
  },
  async act({ name, acts, timeout }) {
    for (const one of acts) await act(tab(name).page, one, timeout);
  },
  // Several tabs at once; of some, what fails is null.
  all: ({ calls }) => Promise.all(calls.map(({ verb, options }) => verbs[verb](options))),
  some: ({ calls }) =>
    Promise.all(calls.map(({ verb, options }) => Promise.resolve(verbs[verb](options)).catch(() => null))),
  see: ({ name, selectors }) => tab(name).page.evaluate(visible, selectors),
  read: ({ name }) => tab(name).page.evaluate(shown),
  stored: ({ name }) => tab(name).page.evaluate(() => ({ cookies: document.cookie, kept: { ...localStorage } })),
  address: ({ name }) => tab(name).page.url().split("?")[0],
  async go({ name, url, timeout }) {
    await tab(name).page.goto(url, { timeout, waitUntil: "commit" });
  },
  async back({ name, timeout }) {
    const { page } = tab(name);
    await page.evaluate(() => void setTimeout(() => history.back()));
    await page.waitForURL((url) => url.protocol.startsWith("http"), { timeout, waitUntil: "commit" });
  },
  // Whether the page that is shown is the very one that was left, kept in memory.
  async mark({ name }) {
    await tab(name).page.evaluate(() => (globalThis.lockstepKept = true));
  },
  kept: ({ name }) => tab(name).page.evaluate(() => globalThis.lockstepKept === true),
  async reload({ name, timeout }) {
    await tab(name).page.reload({ timeout, waitUntil: "commit" });
  },
  freeze: ({ name }) => freeze(tab(name)),
  wake: ({ name }) => wake(tab(name)),
  async dispatch({ name, event }) {
    await tab(name).page.evaluate((type) => void dispatchEvent(new Event(type)), event);
  },
  // Requests of this tab alone that fit get no answer.
  async hold({ name, pattern }) {
    const kept = tab(name);
    await kept.page.route(pattern, () => void (kept.held += 1));
  },
  async same({ name, elsewhere, protocols }) {
    const wanted = [tab(name).socket, protocols];
    await tab(elsewhere).page.evaluate((given) => void (globalThis.lockstepSame = new WebSocket(...given)), wanted);
  },
  async release({ name }) {
    await tab(name).page.unrouteAll({ behavior: "ignoreErrors" });
  },
  // The next request of this tab that fits reaches the server, and its answer does not reach the browser.
  async drop({ name, pattern }) {
    const kept = tab(name);
    await kept.page.route(
      pattern,
      async (route) => {
        await unheard(route.request());
        kept.held += 1;
        await route.abort("connectionreset");
      },
      { times: 1 },
    );
  },
  answers: ({ name }) => tab(name).answers,
  held: ({ name }) => tab(name).held,
  frames: ({ name }) => tab(name).frames,
  errors: ({ name }) => tab(name).errors,
  async screenshot({ name, timeout }) {
    const taken = await tab(name).page.screenshot({ type: "jpeg", quality: 30, timeout, scale: "css" });
    return taken.toString("base64");
  },
  cookies: async ({ profile }) => (await profiles.get(profile).cookies()).map(({ name }) => name),
  // For a teardown: what is frozen runs again.
  async awake() {
    await Promise.all([...tabs.values()].filter(({ devtools }) => devtools).map(wake));
  },
  async close() {
    const open = [...profiles.values()];
    profiles.clear();
    tabs.clear();
    await Promise.all(open.map((context) => context.close()));
  },
  async end(_, browser) {
    await browser.close();
  },
};

async function lockstepTab(verb, options, browser) {
  const came = await verbs[verb](options, browser);
  return came === undefined ? null : came;
}

exports.__esModule = true;
exports.lockstepTab = lockstepTab;
