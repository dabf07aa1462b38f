// One tab's socket: opened, watched, opened again with backoff. What is said on it is the caller's business.

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
const OPEN_WITHIN = 10_000;

export const closeCode = { expired: 4001, revoked: 4003, replaced: 4009, abuse: 4029 };

export class Connection {
  #socket = null;
  #attempt = 0;
  #timer = null;
  #welcomed = false;
  #wanted = false;
  #pause = 0;
  #handlers;

  // handlers: frame(frame), state("offline" | "connecting" | "online"), expired() -> Promise<boolean>,
  // refused() -> Promise<boolean>, revoked(), replaced(); the promises say whether to try again.
  constructor(url, handlers) {
    this.url = url;
    this.#handlers = handlers;
  }

  get open() {
    return this.#welcomed && this.#socket?.readyState === WebSocket.OPEN;
  }

  start() {
    this.#wanted = true;
    if (!this.#socket && !this.#timer) this.#connect();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#socket?.close(1000);
    this.#handlers.state("offline");
  }

  // A frame goes out only on a welcomed socket; false says that it did not.
  send(type, payload, id = null) {
    if (!this.open) return false;
    this.#socket.send(JSON.stringify({ type, id, payload }));
    return true;
  }

  backOff(seconds) {
    this.#pause = Math.max(this.#pause, seconds * 1000);
  }

  #connect() {
    this.#timer = null;
    this.#welcomed = false;
    this.#handlers.state("connecting");
    const socket = new WebSocket(this.url(), ["chat.v1"]);
    this.#socket = socket;
    const tooLate = setTimeout(() => socket.close(), OPEN_WITHIN);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "welcome") {
        clearTimeout(tooLate);
        this.#welcomed = true;
        this.#attempt = 0;
        this.#handlers.state("online");
      }
      this.#handlers.frame(frame);
    };
    socket.onclose = async ({ code }) => {
      clearTimeout(tooLate);
      if (this.#socket === socket) this.#socket = null;
      if (this.#wanted && (await this.#again(code))) this.#later();
    };
  }

  async #again(code) {
    const welcomed = this.#welcomed;
    this.#welcomed = false;
    this.#handlers.state("connecting");
    if (code === closeCode.replaced || code === closeCode.revoked) {
      this.stop();
      this.#handlers[code === closeCode.replaced ? "replaced" : "revoked"]();
      return false;
    }
    if (code === closeCode.abuse) this.backOff(5);
    if (code === closeCode.expired) return this.#handlers.expired();
    // A browser hides why a handshake failed; only a request can tell.
    return welcomed || this.#handlers.refused();
  }

  // Full jitter: tabs that lost one server must not all come back at one instant.
  #later() {
    if (!this.#wanted) return;
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#attempt++);
    this.#timer = setTimeout(() => this.#connect(), this.#pause + Math.random() * longest);
    this.#pause = 0;
  }
}
