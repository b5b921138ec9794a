"""A web server for http-01 tests: it answers what a test put there, remembers who asked, and can mislead."""

import http.server
import socket
import ssl
import threading


class Http01Server:
    """answers[path] is a body, or a tuple (status, headers, body), or a function of the request handler."""

    def __init__(self, port, address="127.0.0.1", tls=None):
        self.answers, self.seen = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.seen.append((self.headers.get("Host"), self.path))
                answer = outer.answers.get(self.path, (404, {}, b"not found"))
                if callable(answer):
                    answer = answer(self)
                if answer is None:
                    return
                if isinstance(answer, (bytes, str)):
                    answer = (200, {"Content-Type": "application/octet-stream"}, answer)
                status, headers, body = answer
                body = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

            def handle_error(self, request, client_address):
                pass

        self.server = Server((address, port), Handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
