"use strict";

class Absent {
  constructor() {
    throw new Error("isolated-vm is not installed: scripts in flows and sandboxed extensions do not run here");
  }
}

module.exports = { Isolate: Absent, Reference: Absent, Callback: Absent, ExternalCopy: Absent };
