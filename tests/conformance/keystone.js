// A Keystone that lets nobody in: it writes down each request and answers 401.
const fs = require("node:fs");
const http = require("node:http");
const process = require("node:process");

const [log] = process.argv.slice(2);
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (data) => (body += data));
  request.on("end", () => {
    fs.appendFileSync(log, JSON.stringify({ request: `${request.method} ${request.url}`, body }) + "\n");
    response.writeHead(401, { "Content-Type": "application/json" });
    response.end('{"error": {"code": 401, "title": "Unauthorized", "message": "not you"}}');
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
