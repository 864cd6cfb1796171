"""The peer of the events benchmark: Flask with events in memory, as PipalHub's service was before.

Written for the benchmark, with the semantics of the original: `POST /events` stores the
latest event of each `(type, user, path)` under a unique id, `GET /events` lists them
and filters by any field. Nothing is written anywhere, so nothing survives a restart.

    gunicorn --workers 1 --worker-class gthread flask_events:app
"""

import datetime
import itertools
import threading

from flask import Flask, jsonify, request

FIELDS = ("type", "user", "filename", "path")

app = Flask(__name__)
events = {}
ids = itertools.count(1)
lock = threading.Lock()


@app.post("/events")
def post_event():
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return jsonify(message="JSON data must be an object"), 400
    if not all(isinstance(body.get(field), str) for field in FIELDS):
        return jsonify(message="a field is missing"), 400
    event = {field: body[field] for field in FIELDS}
    given = body.get("timestamp")
    try:
        time = datetime.datetime.fromisoformat(given) if given else None
    except ValueError:
        return jsonify(message="timestamp is not a time"), 400
    time = time or datetime.datetime.now(datetime.timezone.utc)
    event["timestamp"] = time.isoformat()
    key = (event["type"], event["user"], event["path"])
    with lock:
        known = events.get(key)
        event["id"] = known["id"] if known else next(ids)
        events[key] = event
    return jsonify(event), 201


@app.get("/events")
def list_events():
    with lock:
        found = list(events.values())
    for field, value in request.args.items():
        found = [event for event in found if str(event.get(field)) == value]
    return jsonify(found)
