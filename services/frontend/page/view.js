// What the user sees. No state of its own beyond the document, and that it is over.

const at = (id) => document.getElementById(id);
let over = false;
const words = { offline: "Offline", connecting: "Connecting…", online: "Connected" };

export const view = {
  on(id, event, handler) {
    at(id).addEventListener(event, handler);
  },

  show(name, text) {
    document.body.dataset.view = name;
    if (text) at("welcome-text").textContent = text;
    if (name === "login") at("login").focus();
  },

  // Nothing of the user stays, and nothing that comes late is shown any more.
  clear() {
    over = true;
    for (const id of ["user", "title", "progress", "notice-text"]) at(id).textContent = "";
    for (const id of ["conversations", "messages"]) at(id).replaceChildren();
    for (const id of ["body", "send"]) at(id).disabled = true;
    at("body").value = "";
    at("notice").hidden = true;
  },

  // The user decides whether other applications of the provider end, too.
  offer(url) {
    at("provider-logout").hidden = !url;
    if (url) at("provider-logout").href = url;
  },

  busy(text) {
    at("logout").disabled = Boolean(text);
    at("logout").textContent = text ?? "Sign out";
  },

  user(name) {
    if (over) return;
    at("user").textContent = name;
  },

  connection(state) {
    at("connection").dataset.state = state;
    at("connection").textContent = words[state];
  },

  conversations(list, current, choose) {
    if (over) return;
    at("conversations").replaceChildren(
      ...list.map(({ id, title }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = title;
        button.dataset.id = id;
        if (id === current) button.setAttribute("aria-current", "true");
        button.addEventListener("click", () => choose(id));
        const item = document.createElement("li");
        item.append(button);
        return item;
      }),
    );
  },

  title(text) {
    if (over) return;
    at("title").textContent = text;
    for (const id of ["body", "send"]) at(id).disabled = false;
    at("body").focus();
  },

  progress(text) {
    if (!over) at("progress").textContent = text;
  },

  // lines: {key, role, body, seq?, pending?, streaming?}; only what changed is touched, so that a reader is not told twice.
  messages(lines) {
    if (over) return;
    const list = at("messages");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    const existing = new Map([...list.children].map((item) => [item.dataset.key, item]));
    lines.forEach((line, index) => {
      const item = existing.get(line.key) ?? document.createElement("li");
      existing.delete(line.key);
      item.dataset.key = line.key;
      item.dataset.role = line.role;
      item.dataset.pending = Boolean(line.pending);
      item.dataset.streaming = Boolean(line.streaming);
      if (line.seq) item.dataset.seq = line.seq;
      item.ariaBusy = String(Boolean(line.streaming));
      if (item.textContent !== line.body) item.textContent = line.body;
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
    existing.forEach((item) => item.remove());
    if (atEnd) list.scrollTop = list.scrollHeight;
  },

  get body() {
    return at("body").value;
  },

  write(text) {
    if (!over) at("body").value = text;
  },

  takeBody() {
    const body = at("body").value.trim();
    at("body").value = "";
    return body;
  },

  submit() {
    at("composer").requestSubmit();
  },

  notice(text, action, act) {
    if (over) return;
    at("notice-text").textContent = text;
    at("notice").hidden = false;
    const button = at("notice-action");
    button.hidden = false;
    button.textContent = action ?? "Close";
    button.onclick = () => {
      at("notice").hidden = true;
      act?.();
    };
  },
};
