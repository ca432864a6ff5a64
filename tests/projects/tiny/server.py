"""A service of a few lines, so that tests of the frame need no build and no installation."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.split("?")[0] == "/health":
            self.answer(200, {"status": "ok"})
        elif self.path.startswith("/token"):
            self.answer(200, {"token": os.environ.get("TINY_SECRET", "")})
        else:
            self.answer(404, {"error": "not found"})

    def answer(self, status: int, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        print(json.dumps({"level": "info", "message": format % args}), flush=True)


if __name__ == "__main__":
    print(json.dumps({"level": "info", "message": f"starting {os.environ.get('TINY_SECRET', '')}"}), flush=True)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
