"""What happens to every request, the outermost first (see app.py for the order).

They are plain ASGI: Starlette's BaseHTTPMiddleware costs a task and a queue for each request.
"""
