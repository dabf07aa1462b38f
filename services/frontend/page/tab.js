// Which tab this is: an id in the tab's own storage, which a duplicated tab is given a copy of.

const ID = "client_id";
const IN_USE = "client_id_in_use";
const myself = crypto.randomUUID();

let id = null;
let channel = null;
let onTaken = () => {};

export function tabId() {
  return id;
}

export function takeNewId() {
  id = crypto.randomUUID();
  sessionStorage.setItem(ID, JSON.stringify(id));
}

// A copy is made while the original is in use, which its copy of the mark shows. Where no mark does, tabs ask each other.
export function begin(taken) {
  onTaken = taken;
  id = JSON.parse(sessionStorage.getItem(ID) ?? "null");
  if (!id || sessionStorage.getItem(IN_USE)) takeNewId();
  claim();
}

function claim() {
  sessionStorage.setItem(IN_USE, "1");
  channel = new BroadcastChannel("lockstep-tabs");
  channel.onmessage = ({ data }) => {
    if (data.id !== id) return;
    if (data.claimedBy && data.claimedBy !== myself) channel.postMessage({ id, takenFrom: data.claimedBy });
    if (data.takenFrom === myself) {
      takeNewId();
      onTaken();
    }
  };
  channel.postMessage({ id, claimedBy: myself });
}

addEventListener("pagehide", () => {
  channel?.close();
  channel = null;
  sessionStorage.removeItem(IN_USE);
});
addEventListener("pageshow", ({ persisted }) => persisted && id && claim());
