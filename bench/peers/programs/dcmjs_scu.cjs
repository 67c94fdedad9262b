// Sends with dcmjs-dimse: node dcmjs_scu.cjs MODULES PORT FOLDER

const [modules, port, folder] = process.argv.slice(2);
const fs = require("node:fs");
const path = require("node:path");
const dimse = require(require.resolve("dcmjs-dimse", { paths: [modules] }));
const { Client, Implementation, constants, log, requests } = dimse;

log.silent = true;
Implementation.setMaxPduLength(131072);
const client = new Client();
let stored = 0;
const files = fs.readdirSync(folder).sort();
for (const name of files) {
  const request = new requests.CStoreRequest(path.join(folder, name));
  request.on("response", (response) => {
    if (response.getStatus() === constants.Status.Success) stored += 1;
  });
  client.addRequest(request);
}
client.on("networkError", (error) => {
  console.error(error);
  process.exit(1);
});
client.on("closed", () => process.exit(stored === files.length ? 0 : 1));
client.send("127.0.0.1", Number(port), "BENCH", "BENCH");
