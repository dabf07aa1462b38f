// Requests by cookie, and the one place that renews the cookie. Nothing here ever sees a token.

export class SignedOut extends Error {}

export async function call(method, path, body, headers = {}) {
  let answer = await send(method, path, body, headers);
  if (answer.status === 401) {
    await renew();
    answer = await send(method, path, body, headers);
    if (answer.status === 401) throw new SignedOut();
  }
  if (!answer.ok) throw new Error(await reason(answer));
  return answer.status === 204 ? null : answer.json();
}

// One tab at a time: a refresh token works once, and its second use ends the session for all tabs.
export function renew() {
  return navigator.locks.request("lockstep-renew", async () => {
    const me = await send("GET", "/api/me");
    if (me.status !== 401) return;
    const answer = await send("POST", "/session/refresh");
    if (answer.status === 401) throw new SignedOut();
    if (!answer.ok) throw new Error(await reason(answer));
  });
}

export async function signOut() {
  const answer = await send("POST", "/logout");
  if (!answer.ok && answer.status !== 401) throw new Error(await reason(answer));
}

function send(method, path, body, headers = {}) {
  return fetch(path, {
    method,
    headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
}

async function reason(answer) {
  const problem = await answer.json().catch(() => ({}));
  return problem.detail || problem.title || `The server answered ${answer.status}.`;
}
