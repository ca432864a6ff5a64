import { createServer } from "node:http";

import { parse, serialize } from "cookie";
import ms from "ms";

import { page, tag } from "./page.js";
import { prices } from "./prices.js";

const port = Number(process.env.PORT ?? "8080");
const maxAge = ms("30 days") / 1000;

const server = createServer((request, response) => {
  if (request.url === "/health") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ status: "ok", prices: prices.length }));
    return;
  }
  const visits = Number(parse(request.headers.cookie ?? "").visits ?? "0") + 1;
  const body = page(prices);
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.setHeader("ETag", tag(body));
  response.setHeader("Set-Cookie", serialize("visits", String(visits), { maxAge, httpOnly: true }));
  response.end(body);
});

server.listen(port, () => console.log(JSON.stringify({ level: "info", message: "listening", port })));
