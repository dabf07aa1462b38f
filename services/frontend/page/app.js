// The chat of one tab: its own id and positions (sessionStorage), a log per conversation, one socket.

import { ConversationLog } from "./log.js";
import { belongsTo, call, end, isSignedIn, OtherUser, renew, SignedOut, signOut } from "./session.js";
import { Connection } from "./socket.js";
import { begin, tabId, takeNewId } from "./tab.js";
import { view } from "./view.js";

const PAGE = 500;
// The close of a session that was replaced by this browser's next sign-in comes before that one's cookies.
const LOOKS_AFTER_REVOCATION = [100, 500, 1_500];
const stored = (name, otherwise) => JSON.parse(sessionStorage.getItem(name) ?? "null") ?? otherwise;
const store = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const logs = new Map();
const seenEvents = new Set();
let conversations = [];
let current = null;
let pending = [];
let known = false;
let me = null;
let ended = false;

const connection = new Connection(() => `wss://${location.host}/ws?client_id=${tabId()}`, {
  frame,
  state: view.connection,
  expired: () => tryTo(renew),
  refused: () => tryTo(() => call("GET", "/api/me")),
  revoked: () => tryTo(revoked),
  replaced: () =>
    view.notice("This conversation goes on in a newer window.", "Use this one", () => {
      takeNewId();
      known = false;
      connection.start();
    }),
});

// True where connecting again makes sense: it worked, or the service is merely away.
async function tryTo(action) {
  try {
    await action();
  } catch (error) {
    if (leave(error)) return false;
  }
  return !ended;
}

async function guarded(action) {
  try {
    return await action();
  } catch (error) {
    if (!leave(error)) view.notice(error.message);
  }
}

async function revoked() {
  for (const wait of LOOKS_AFTER_REVOCATION) {
    await pause(wait);
    if (await isSignedIn()) return;
  }
  signedOut("You were signed out. Sign in to go on.");
}

// Whether the page is over for its user.
function leave(error) {
  if (error instanceof OtherUser) signedOut("Another user has signed in in this browser. Sign in to go on.");
  else if (error instanceof SignedOut) signedOut("Your session has ended. Sign in to go on.");
  else return false;
  return true;
}

// Final for this document: only a click leads on, and loads another one. What was not sent stays for its writer.
function signedOut(text) {
  if (ended) return;
  keep();
  ended = true;
  end();
  connection.stop();
  const unsent = pending.length;
  logs.clear();
  seenEvents.clear();
  [conversations, pending, current, me] = [[], [], null, null];
  sessionStorage.removeItem("positions");
  view.clear();
  view.show("login", unsent ? `${text} What you have not sent yet waits for you in this tab.` : text);
}

// --- what is kept for the next page of this user in this tab

const keptName = () => `kept:${me.id}`;

function keep() {
  if (me && !ended) store(keptName(), { pending, current, draft: view.body });
}

// --- conversations

function log(id) {
  if (!logs.has(id)) logs.set(id, new ConversationLog(id));
  return logs.get(id);
}

async function listConversations() {
  conversations = (await call("GET", "/api/conversations?limit=100")).conversations;
  view.conversations(conversations, current, (id) => guarded(() => open(id)));
}

async function fetchMissing(id) {
  const held = log(id);
  for (;;) {
    const page = await call("GET", `/api/conversations/${id}/messages?after=${held.seq}&limit=${PAGE}`);
    if (held.epoch !== null && page.epoch !== held.epoch) {
      held.clear();
      continue;
    }
    page.messages.forEach((message) => held.add(message));
    held.epoch = page.epoch;
    if (page.messages.length < PAGE) break;
  }
  savePositions();
}

async function open(id) {
  current = id;
  keep();
  await fetchMissing(id);
  connection.send("subscribe", { conversation_id: id });
  view.conversations(conversations, current, (other) => guarded(() => open(other)));
  view.title(conversations.find((conversation) => conversation.id === id)?.title ?? "Conversation");
  draw();
}

function savePositions() {
  if (!ended) store("positions", positions());
}

function positions() {
  const held = [...logs.values()].filter(({ epoch }) => epoch !== null);
  return Object.fromEntries(held.map((one) => [one.id, one.position]));
}

function draw() {
  if (current) view.messages(log(current).lines(pending.filter((one) => one.conversation_id === current)));
}

// --- sending: kept until the server has stored it, repeated under the same id

function say(body) {
  pending.push({ conversation_id: current, client_msg_id: crypto.randomUUID(), body });
  keep();
  deliver(pending.at(-1));
  draw();
}

function deliver(message) {
  connection.send("message.send", message, message.client_msg_id);
}

function settle(clientMsgId) {
  pending = pending.filter((one) => one.client_msg_id !== clientMsgId);
  keep();
}

// --- what the server says

const on = {
  welcome({ user_id }) {
    if (user_id !== me.id) throw new OtherUser();
    const held = positions();
    if (known && Object.keys(held).length) connection.send("resume", { client_id: tabId(), positions: held });
    else synchronised();
    known = true;
  },
  async resumed({ recovered }) {
    if (!recovered) {
      logs.forEach((held) => held.clear());
      await Promise.all([...logs.keys()].map(fetchMissing));
    }
    synchronised();
  },
  subscribed({ conversation_id, head }) {
    if (head > log(conversation_id).seq) return fetchMissing(conversation_id);
  },
  message: take,
  "message.batch": ({ messages }) => messages.forEach(take),
  "message.chunk": (chunk) => log(chunk.conversation_id).addChunk(chunk),
  // The message itself comes as a push, to this socket too; what was a duplicate came before.
  ack: ({ client_msg_id, duplicate }) => duplicate && settle(client_msg_id),
  event({ event_id, kind, data }) {
    connection.send("event.ack", { event_id });
    if (seenEvents.has(event_id)) return;
    seenEvents.add(event_id);
    if (kind === "conversations.updated") guarded(listConversations);
    if (kind === "user.updated") guarded(showUser);
    if (kind === "notification") view.notice(data.body?.text ?? data.text ?? String(data.body ?? "You have a notification."));
    if (kind === "agent.progress") view.progress(data.text ?? "");
  },
  warning({ retry_after }) {
    connection.backOff(retry_after ?? 0);
    view.notice("You are sending too fast. Please wait a moment.");
  },
  error({ code, detail, retryable }, id) {
    if (retryable || !pending.some((one) => one.client_msg_id === id)) return;
    settle(id);
    view.notice(`Not sent: ${detail || code}`);
  },
};

function take(message) {
  settle(message.client_msg_id);
  if (!log(message.conversation_id).add(message)) guarded(() => fetchMissing(message.conversation_id).then(draw));
  savePositions();
}

function synchronised() {
  for (const id of logs.keys()) connection.send("subscribe", { conversation_id: id });
  pending.forEach(deliver);
}

async function frame({ type, id, payload }) {
  if (ended) return;
  await guarded(async () => on[type]?.(payload, id));
  draw();
}

// --- start

async function showUser() {
  me = await call("GET", "/api/me");
  belongsTo(me.id);
  view.user(me.name || me.email);
}

async function start() {
  begin(() => {
    known = false;
    connection.restart();
  });
  await showUser();
  const kept = stored(keptName(), {});
  ({ pending = [], current = null } = kept);
  view.show("chat");
  await listConversations();
  const open_before = Object.keys(stored("positions", {}));
  const mine = open_before.filter((id) => conversations.some((conversation) => conversation.id === id));
  await Promise.all(mine.map(fetchMissing));
  if (conversations.some(({ id }) => id === current)) await open(current);
  if (kept.draft) view.write(kept.draft);
  connection.start();
}

async function leaveForGood() {
  view.busy("Signing out…");
  try {
    const atProvider = await signOut();
    sessionStorage.removeItem(keptName());
    pending = [];
    view.write("");
    signedOut("You are signed out.");
    view.offer(atProvider);
    sessionStorage.clear();
  } catch (error) {
    if (!leave(error)) view.notice(`You are still signed in. ${error.message}`, "Try again", () => guarded(leaveForGood));
  } finally {
    view.busy(null);
  }
}

view.on("logout", "click", () => {
  if (!pending.length && !view.body.trim()) return guarded(leaveForGood);
  view.notice("Not everything that you have written has been sent.", "Sign out and lose it", () => guarded(leaveForGood));
});
view.on("new-conversation", "click", () =>
  guarded(async () => {
    const title = `Conversation of ${new Date().toLocaleString()}`;
    const made = await call("POST", "/api/conversations", { title, assistant: true }, { "Idempotency-Key": crypto.randomUUID() });
    await listConversations();
    await open(made.id);
  }),
);
view.on("composer", "submit", (event) => {
  event.preventDefault();
  if (view.body.trim() && current) say(view.takeBody());
});
view.on("body", "keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  view.submit();
});
addEventListener("pagehide", keep);
addEventListener("online", () => connection.wake());
document.addEventListener("resume", () => connection.wake());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && connection.wake());
// A page that Back shows again may belong to nobody by now, or to somebody else.
addEventListener("pageshow", async ({ persisted }) => {
  if (!persisted) return;
  if (ended || !me) return location.reload();
  if (await tryTo(() => call("GET", "/api/me"))) connection.wake();
});

try {
  await start();
} catch (error) {
  if (!me && error instanceof SignedOut) view.show("login");
  else if (!leave(error)) {
    view.show("login", "The service does not answer just now.");
    view.notice(error.message, "Try again", () => location.reload());
  }
}
