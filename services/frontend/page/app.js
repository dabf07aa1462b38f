// The chat of one tab: its own client_id and positions (sessionStorage), a log per conversation, one socket.

import { ConversationLog } from "./log.js";
import { call, renew, SignedOut, signOut } from "./session.js";
import { Connection } from "./socket.js";
import { view } from "./view.js";

const PAGE = 500;
const stored = (name, otherwise) => JSON.parse(sessionStorage.getItem(name) ?? "null") ?? otherwise;
const store = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));

const logs = new Map();
const seenEvents = new Set();
let conversations = [];
let current = stored("current", null);
let pending = stored("pending", []);
let clientId = stored("client_id", null) ?? newClientId();
let known = false;

function newClientId() {
  const id = crypto.randomUUID();
  store("client_id", id);
  return id;
}

const connection = new Connection(() => `wss://${location.host}/ws?client_id=${clientId}`, {
  frame,
  state: view.connection,
  expired: () => tryTo(renew),
  refused: () => tryTo(() => call("GET", "/api/me")),
  revoked: () => signedOut("You were signed out. Sign in to go on."),
  replaced: () =>
    view.notice("This conversation goes on in a newer window.", "Use this one", () => {
      clientId = newClientId();
      known = false;
      connection.start();
    }),
});

// True where connecting again makes sense: it worked, or the service is merely away.
async function tryTo(action) {
  try {
    await action();
  } catch (error) {
    if (error instanceof SignedOut) {
      signedOut("Your session has ended. Sign in to go on.");
      return false;
    }
  }
  return true;
}

async function guarded(action) {
  try {
    return await action();
  } catch (error) {
    if (error instanceof SignedOut) signedOut("Your session has ended. Sign in to go on.");
    else view.notice(error.message);
  }
}

function signedOut(text) {
  connection.stop();
  for (const name of ["positions", "pending", "current"]) sessionStorage.removeItem(name);
  view.show("login", text);
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
  store("current", id);
  await fetchMissing(id);
  connection.send("subscribe", { conversation_id: id });
  view.conversations(conversations, current, (other) => guarded(() => open(other)));
  view.title(conversations.find((conversation) => conversation.id === id)?.title ?? "Conversation");
  draw();
}

function savePositions() {
  store("positions", positions());
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
  store("pending", pending);
  deliver(pending.at(-1));
  draw();
}

function deliver(message) {
  connection.send("message.send", message, message.client_msg_id);
}

function settle(clientMsgId) {
  pending = pending.filter((one) => one.client_msg_id !== clientMsgId);
  store("pending", pending);
}

// --- what the server says

const on = {
  welcome() {
    const held = positions();
    if (known && Object.keys(held).length) connection.send("resume", { client_id: clientId, positions: held });
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
  await guarded(async () => on[type]?.(payload, id));
  draw();
}

// --- start

async function showUser() {
  const me = await call("GET", "/api/me");
  view.user(me.name || me.email);
}

async function start() {
  await showUser();
  view.show("chat");
  await listConversations();
  const open_before = Object.keys(stored("positions", {}));
  const mine = open_before.filter((id) => conversations.some((conversation) => conversation.id === id));
  await Promise.all(mine.map(fetchMissing));
  if (conversations.some(({ id }) => id === current)) await open(current);
  connection.start();
}

view.on("logout", "click", () =>
  guarded(async () => {
    await signOut();
    signedOut("You are signed out.");
  }),
);
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
  const body = view.takeBody();
  if (body && current) say(body);
});
view.on("body", "keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  view.submit();
});
addEventListener("online", () => connection.start());

try {
  await start();
} catch (error) {
  if (error instanceof SignedOut) view.show("login");
  else {
    view.show("login", "The service does not answer just now.");
    view.notice(error.message, "Try again", () => location.reload());
  }
}
