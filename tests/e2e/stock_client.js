// Follows the log from its start until it is live, with the stock gRPC of Node.js: nothing but an
// address and three PEM files. Prints a JSON object: how many entries came, or the status.
//
//     NODE_PATH=client/examples/node/node_modules \
//       node stock_client.js PROTO ADDRESS ROOT CERTIFICATE KEY
"use strict";

const fs = require("node:fs");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const [proto, address, ...files] = process.argv.slice(2);
const protos = protoLoader.loadSync("gaceta/v1/relay.proto", { includeDirs: [proto] });
const Relay = grpc.makeClientConstructor(protos["gaceta.v1.RelayService"]);
const [root, certificate, key] = files.map((name) => fs.readFileSync(name));
const relay = new Relay(address, grpc.credentials.createSsl(root, key, certificate));
const call = relay.Subscribe({ deadline: Date.now() + 30000 });
let entries = 0;

function finish(result) {
  console.log(JSON.stringify(result));
  relay.close();
}

call.on("data", (response) => {
  entries += response.entries?.length ?? 0;
  if (response.progress?.live) call.cancel();
});
call.on("error", ({ code, details, metadata }) => finish(
  code === grpc.status.CANCELLED ? { entries }
    : { code: grpc.status[code], details,
        status: metadata.get("grpc-status-details-bin").map((bytes) => bytes.toString("base64")) }));
call.write({ open: { startPosition: 0 } });
