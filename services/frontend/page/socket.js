// One tab's socket: opened, watched, opened again with backoff. What is said on it is the caller's business.

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
const OPEN_WITHIN = 10_000;
const LOOK_EVERY = 2_500;
const QUIET = 10_000;
const PONG_WITHIN = 5_000;

export const closeCode = { expired: 4001, revoked: 4003, replaced: 4009, abuse: 4029 };

export class Connection {
  #socket = null;
  #attempt = 0;
  #timer = null;
  #watch = null;
  #welcomed = false;
  #wanted = false;
  #pause = 0;
  #heard = 0;
  #asked = null;
  #handlers;

  // handlers: frame(frame), state("offline" | "connecting" | "online"), expired() -> Promise<boolean>,
  // refused() -> Promise<boolean>, revoked() -> Promise<boolean>, replaced(); the promises say whether to try again.
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

  // Nothing but start, which somebody has to click for, opens a socket again.
  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#drop();
    this.#handlers.state("offline");
  }

  // The network, the page or the machine is back: what is open may lead nowhere, and what waits need not.
  wake() {
    if (!this.#wanted) return;
    if (this.open) this.#ask();
    else if (this.#timer) {
      clearTimeout(this.#timer);
      this.#attempt = 0;
      this.#connect();
    }
  }

  // A socket of another id in the place of this one.
  restart() {
    if (!this.#wanted) return;
    this.stop();
    this.start();
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
    const tooLate = setTimeout(() => this.#closed(socket, 1006), OPEN_WITHIN);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      this.#heard = performance.now();
      this.#asked = null;
      if (frame.type === "welcome") {
        clearTimeout(tooLate);
        this.#welcomed = true;
        this.#attempt = 0;
        this.#watch = setInterval(() => this.#look(), LOOK_EVERY);
        this.#handlers.state("online");
      }
      this.#handlers.frame(frame);
    };
    socket.onclose = ({ code }) => this.#closed(socket, code);
    socket.onended = () => clearTimeout(tooLate);
  }

  // A peer that is gone without a word closes nothing: it is asked, and has to answer.
  #look() {
    const now = performance.now();
    if (this.#asked !== null && now - this.#asked > PONG_WITHIN) this.#closed(this.#socket, 1006);
    else if (now - this.#heard > QUIET) this.#ask();
  }

  #ask() {
    if (this.#asked !== null) return;
    this.#asked = performance.now();
    this.send("ping", {});
    setTimeout(() => this.open && this.#look(), PONG_WITHIN + 50);
  }

  // Whatever it brings from here on is nobody's: where its peer is gone, even its close would take minutes.
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#welcomed = false;
    this.#asked = null;
    clearInterval(this.#watch);
    if (!socket) return;
    socket.onended();
    socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  async #closed(socket, code) {
    if (this.#socket !== socket) return;
    const welcomed = this.#welcomed;
    this.#drop();
    if (this.#wanted && (await this.#again(code, welcomed)) && !this.#socket && !this.#timer) this.#later();
  }

  async #again(code, welcomed) {
    this.#handlers.state("connecting");
    if (code === closeCode.replaced) {
      this.stop();
      this.#handlers.replaced();
      return false;
    }
    if (code === closeCode.revoked) return this.#handlers.revoked();
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
