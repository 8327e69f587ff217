// Prints every update of a corridor's states, one line each, and resumes where it stopped.
//
// The columns of a line, separated by tabs: position, state, event, urn:lex of the law, title, and
// "not verified here". The node of your own state verifies all signatures and proofs before it
// serves an entry. This program trusts that node and does not verify them again, so connect it to
// no other server.
//
//     npm ci
//     node follow_corridor.js --help
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const tls = require("node:tls");
const { setTimeout: sleep } = require("node:timers/promises");
const { parseArgs } = require("node:util");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const FIRST_WAIT = 100, LONGEST_WAIT = 10000; // ms between two attempts to connect
// Without keepalive, a connection that died silently is noticed after hours.
const CHANNEL = { "grpc.keepalive_time_ms": 30000, "grpc.keepalive_timeout_ms": 10000 };
const OPTIONS = {
  server: "HOST:PORT   the node of your state",
  certificate: "FILE   your program's certificate, PEM",
  key: "FILE           its private key, PEM",
  root: "FILE          the federation's root certificate, PEM",
  corridor: "ID        as central-america-north",
  proto: "FOLDER       the protos; default: ../../../proto, seen from this program's folder",
};
const HELP = "usage: follow_corridor.js OPTION...\n\n" +
  "Prints every update of a corridor's states, one line each, and resumes where it stopped.\n\n" +
  Object.entries(OPTIONS).map(([name, text]) => `  --${name} ${text}`).join("\n");

// Messages and services by their full names. An int64 becomes a string, because a number of
// JavaScript is exact up to 2^53 only. An enum becomes its name.
function loadProtos(folder) {
  const files = ["relay", "statement", "update"].map((name) => `gaceta/v1/${name}.proto`);
  return protoLoader.loadSync(files, { includeDirs: [folder], keepCase: true, defaults: true,
                                       longs: String, enums: String });
}

// The line of an entry; null if it is no update: the registry's entries pass every filter.
function lineOf(protos, entry) {
  const leaf = protos["gaceta.v1.Leaf"].deserialize(entry.leaf);
  const header = protos["gaceta.v1.StatementHeader"].deserialize(leaf.header);
  if (header.payload_type !== "gaceta.v1.Update") return null;
  let what = [entry.omission, "", ""]; // for example, the audience does not include this reader
  if (entry.omission === "OMISSION_UNSPECIFIED") {
    const update = protos["gaceta.v1.Update"].deserialize(entry.payload);
    what = [update.event, update.instrument.uri, update.instrument.titles[0].text];
  }
  // A published text may have control characters; the terminal must not get them.
  return [entry.position, header.publisher, ...what, "not verified here"]
    .map((column) => String(column).replace(/[\x00-\x1f\x7f-\x9f]/g, " ")).join("\t");
}

// Replaces a file as a whole: a crash leaves the old text or the new one.
function writeDurably(file, text) {
  const written = fs.openSync(file + ".new", "w");
  fs.writeSync(written, text);
  fs.fsyncSync(written);
  fs.closeSync(written);
  fs.renameSync(file + ".new", file);
  const folder = fs.openSync(path.dirname(path.resolve(file)), "r");
  fs.fsyncSync(folder); // without this, a power failure may undo the replacement
  fs.closeSync(folder);
}

// Rejects with the reason if the certificates do not fit. gRPC reports UNAVAILABLE for this, the
// same as for a node that is away.
function checkCertificates({ server, certificate }, { root, key, cert }) {
  return new Promise((resolve, reject) => {
    const at = server.lastIndexOf(":");
    const host = server.slice(0, at).replace(/[[\]]/g, ""); // of an IPv6 address
    const socket = tls.connect({ host, port: server.slice(at + 1), ca: root, key, cert,
                                 ALPNProtocols: ["h2"], timeout: 10000 });
    const isAway = (error) => error.syscall || error.code === "ECONNRESET";
    socket.on("error", (error) => (isAway(error) ? resolve() : reject(error)));
    // The node checks this certificate after the handshake. It closes the connection without a
    // message if it refuses the certificate.
    socket.on("end", () => socket.authorized && reject(new Error(
      `the node refuses ${certificate}: is it of this federation, and has it not expired?`)));
    socket.on("timeout", () => socket.destroy());
    socket.on("data", () => socket.destroy());
    socket.on("close", resolve);
  });
}

// A subscription that connects again whenever the node was away.
class Follower {
  constructor(options) {
    this.options = options;
    this.protos = loadProtos(options.proto);
    this.Relay = grpc.makeClientConstructor(this.protos["gaceta.v1.RelayService"]);
    // One file for each corridor: a position counts for one filter. It counts at any node.
    this.file = options.corridor + ".position";
    // Every entry below this position is handled. 0 is the beginning of the log.
    this.position = fs.existsSync(this.file) ? BigInt(fs.readFileSync(this.file, "ascii")) : 0n;
    this.wait = FIRST_WAIT;
    this.stopping = new AbortController();
  }

  // Ends run().
  stop() {
    this.stopping.abort();
    this.call?.cancel();
  }

  async run() {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      // Read again for each connection, as they may be new.
      const [root, key, cert] = ["root", "key", "certificate"].map(
        (name) => fs.readFileSync(this.options[name]));
      const why = await this.followOnce({ root, key, cert });
      if (signal.aborted) return;
      await checkCertificates(this.options, { root, key, cert });
      console.error(`${why}; next try within ${this.wait / 1000} s`);
      // Half of the wait is random, so that not all programs connect in the same moment.
      await sleep(this.wait * (0.5 + Math.random() / 2), null, { signal }).catch(() => {});
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
    }
  }

  // Returns why the connection ended.
  async followOnce({ root, key, cert }) {
    const credentials = grpc.credentials.createSsl(root, key, cert);
    const relay = new this.Relay(this.options.server, credentials, CHANNEL);
    try {
      this.call = relay.Subscribe();
      this.call.write({ open: { filter: { corridors: [{ corridor: this.options.corridor }] },
                                start_position: String(this.position) } });
      for await (const response of this.call) {
        this.wait = FIRST_WAIT;
        this.handle(response);
      }
      return "the node ended the stream";
    } catch (error) {
      if (error.code !== grpc.status.UNAVAILABLE && !this.stopping.signal.aborted) throw error;
      return error.details;
    } finally {
      relay.close();
    }
  }

  handle(response) {
    const before = this.position;
    for (const entry of response.entries) {
      const line = lineOf(this.protos, entry);
      if (line !== null) console.log(line);
      this.position = BigInt(entry.position) + 1n;
    }
    // Every entry below this position that passes the filter has been sent.
    if (response.progress) this.position = BigInt(response.progress.next_position);
    // The position is stored after the lines are printed: a crash in between repeats lines, and
    // loses none.
    if (this.position !== before) writeDurably(this.file, `${this.position}\n`);
  }
}

function readOptions() {
  const options = { help: { type: "boolean" } };
  for (const name in OPTIONS) options[name] = { type: "string" };
  options.proto.default = path.join(__dirname, "../../../proto");
  try {
    const { values } = parseArgs({ options });
    const missing = Object.keys(OPTIONS).filter((name) => !values[name]);
    if (missing.length && !values.help) throw new Error(`--${missing.join(", --")} is missing`);
    return values;
  } catch (error) {
    console.error(`${error.message}\n${HELP}`);
    process.exit(2);
  }
}

async function main() {
  const options = readOptions();
  if (options.help) return console.log(HELP);
  console.error(`not verified here: ${options.server} has verified what follows`);
  const follower = new Follower(options);
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => follower.stop());
  await follower.run();
}

main().catch((error) => {
  const status = grpc.status[error.code]; // undefined if the error is not gRPC's
  console.error(`error: ${status ? `${status}: ${error.details}` : error.message}`);
  process.exitCode = 1;
});
