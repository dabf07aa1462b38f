// Requests by cookie, and the one place that renews the cookie. Nothing here ever sees a token.

export class SignedOut extends Error {}
export class OtherUser extends Error {}
export class NoAnswer extends Error {}

const LOCK_WITHIN = 5_000;
// One request, then so many copies of it, then one with more patience: the browser keeps connections open, and each
// that no longer leads anywhere is found out, and given up, by a request of its own.
const ATTEMPTS = [
  { copies: 1, within: 4_000 },
  { copies: 6, within: 5_000 },
  { copies: 1, within: 10_000 },
];
const REPEATABLE = new Set(["/logout/provider", "/session/refresh"]);

const ending = new AbortController();
let owner = null;

// From now on no request is done for anybody else, whosever cookies the browser has by then.
export function belongsTo(userId) {
  owner = userId;
}

// No request of this page goes on, nor does any begin.
export function end() {
  ending.abort(new SignedOut());
}

export async function call(method, path, body, headers = {}) {
  let answer = await send(method, path, body, headers);
  if (answer.status === 401) {
    await renew();
    answer = await send(method, path, body, headers);
    if (answer.status === 401) throw new SignedOut();
  }
  if (!answer.ok) throw new Error(reason(answer));
  return answer.content;
}

// One tab at a time. A tab that is frozen, or waits for an answer, keeps the others back for a while only: the server
// gives tabs that ask with the same cookies the same new ones.
export async function renew() {
  try {
    await navigator.locks.request("lockstep-renew", { signal: AbortSignal.timeout(LOCK_WITHIN) }, renewed);
  } catch (error) {
    if (error.name !== "TimeoutError") throw error;
    await renewed();
  }
}

async function renewed() {
  const me = await send("GET", "/api/me");
  if (me.status !== 401) return;
  const answer = await send("POST", "/session/refresh");
  if (answer.status === 401) throw new SignedOut();
  if (!answer.ok) throw new Error(reason(answer));
}

// Whether the browser has a session of this page's user, without renewing anything.
export async function isSignedIn() {
  return (await send("GET", "/api/me")).ok;
}

// Where the user can sign out at the provider too; null where that cannot be said.
export async function signOut() {
  const answer = await send("POST", "/logout/provider");
  if (!answer.ok && answer.status !== 401) throw new Error(reason(answer));
  return answer.content?.end_session_url ?? null;
}

async function send(method, path, body, headers = {}) {
  const repeatable = method === "GET" || REPEATABLE.has(path) || "Idempotency-Key" in headers;
  const request = {
    method,
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(owner ? { "X-Session-User": owner } : {}),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  };
  for (const { copies, within } of repeatable ? ATTEMPTS : ATTEMPTS.slice(-1)) {
    const answer = await first(path, request, copies, within);
    if (answer?.content?.code === "other_user") throw new OtherUser();
    if (answer) return answer;
  }
  throw new NoAnswer("The server does not answer just now.");
}

// The first answer, read to its end; null where none comes in time.
async function first(path, request, copies, within) {
  const settled = new AbortController();
  const signal = AbortSignal.any([ending.signal, settled.signal, AbortSignal.timeout(within)]);
  try {
    return await Promise.any(Array.from({ length: copies }, () => answered(path, { ...request, signal })));
  } catch ({ errors }) {
    ending.signal.throwIfAborted();
    if (errors.some(({ name }) => name === "TimeoutError")) return null;
    throw new NoAnswer("The server cannot be reached just now.");
  } finally {
    settled.abort();
  }
}

async function answered(path, request) {
  const answer = await fetch(path, request);
  const text = await answer.text();
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  return { ok: answer.ok, status: answer.status, content: text && isJson ? JSON.parse(text) : null };
}

function reason({ status, content }) {
  return content?.detail || content?.title || `The server answered ${status}.`;
}
