// The messages of one conversation as this tab holds them: by seq, without gaps, each once. No document, no network.

export class ConversationLog {
  epoch = null;
  seq = 0;
  #messages = [];
  #early = new Map();
  #answers = new Map();

  constructor(id) {
    this.id = id;
  }

  get position() {
    return { epoch: this.epoch, seq: this.seq };
  }

  clear() {
    this.epoch = null;
    this.seq = 0;
    this.#messages = [];
    this.#early.clear();
    this.#answers.clear();
  }

  // Takes a message in; false where one before it is missing, and has to be fetched.
  add(message) {
    if (this.epoch !== null && message.epoch !== this.epoch) this.clear();
    this.epoch = message.epoch;
    if (message.seq > this.seq) this.#early.set(message.seq, message);
    while (this.#early.has(this.seq + 1)) this.#take(this.#early.get(this.seq + 1));
    return this.#early.size === 0;
  }

  #take(message) {
    this.#early.delete(message.seq);
    this.seq = message.seq;
    this.#messages.push(message);
    if (message.client_msg_id?.startsWith("answer:")) this.#answers.delete(message.client_msg_id);
  }

  // A piece of a streamed answer; a higher attempt begins again.
  addChunk({ reply_to_seq, attempt, offset, text }) {
    const key = `answer:${reply_to_seq}`;
    if (this.#messages.some((message) => message.client_msg_id === key)) return;
    const known = this.#answers.get(key);
    if (known && attempt < known.attempt) return;
    const before = known && known.attempt === attempt ? known.text : "";
    if (offset > before.length) return;
    this.#answers.set(key, { attempt, text: before.slice(0, offset) + text });
  }

  lines(pending) {
    const stored = new Set(this.#messages.map((message) => message.client_msg_id));
    return [
      ...this.#messages.map(({ seq, client_msg_id, role, body }) => ({ key: client_msg_id ?? `seq:${seq}`, seq, role, body })),
      ...pending
        .filter(({ client_msg_id }) => !stored.has(client_msg_id))
        .map(({ client_msg_id, body }) => ({ key: client_msg_id, role: "user", body, pending: true })),
      ...[...this.#answers].map(([key, { text }]) => ({ key, role: "assistant", body: text, streaming: true })),
    ];
  }
}
