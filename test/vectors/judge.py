"""Reads what draw.ts prints and writes event-forms.json, auth-verdicts.json and state-resolutions.json beside this
file, with the verdicts of Synapse. Needs `pip install matrix-synapse` in an environment of its own; nothing of it is
used otherwise.

With `--second NAME FILE`, the verdicts of another implementation on the same input are noted where they differ, as
`second`. The file is JSON in the order of the input: {"forms": [{"eventId", "redacted"}], "auth": [[{"allowed"}]],
"forks": [[indices of the resolved state, or a text that says why there are none]]}."""

import asyncio
import base64
import hashlib
import json
import pathlib
import sys

import synapse
from synapse import event_auth
from synapse.api.errors import SynapseError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import compute_content_hash
from synapse.events import make_event_from_dict
from synapse.events.utils import redact_event
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference

here = pathlib.Path(__file__).parent
drawn = json.load(sys.stdin)
with_second = len(sys.argv) == 4 and sys.argv[1] == "--second"
second_name = sys.argv[2] if with_second else None
second = json.loads(pathlib.Path(sys.argv[3]).read_text("utf-8")) if with_second else None


def event_of(pdu, version):
    return make_event_from_dict(dict(pdu), KNOWN_ROOM_VERSIONS[version])


def write(name, what, content):
    note = f"{what} Drawn by draw.ts, verdicts by judge.py with Synapse {synapse.__version__}."
    if second_name is not None:
        note += f" Where {second_name} differs, its verdict is `second`: see docs/decisions/0010-state-resolution-choices.md."
    text = json.dumps({"note": note, **content}, ensure_ascii=False, separators=(",", ":"))
    (here / name).write_text(text + "\n", encoding="utf-8")


def form(case):
    event = event_of(case["pdu"], case["version"])
    redacted = redact_event(event).get_dict()
    redacted.pop("unsigned", None)
    digest = compute_content_hash(event.get_dict(), hashlib.sha256)[1]
    content_hash = base64.b64encode(digest).decode().rstrip("=")
    return {**case, "eventId": event.event_id, "contentHash": content_hash, "redacted": redacted}


def allowed(event, state):
    try:
        event_auth.check_state_dependent_auth_rules(event, state)
        return True
    except (SynapseError, AttributeError, TypeError, ValueError):
        # What it cannot read it fails on, which its callers take for a refusal as well.
        return False


def auth(room):
    version = room["version"]
    state = [event_of(pdu, version) for pdu in room["state"]]
    cases = [{"event": pdu, "allowed": allowed(event_of(pdu, version), state)} for pdu in room["events"]]
    return {"version": version, "state": room["state"], "cases": cases}


class Clock:
    async def sleep(self, _duration):
        pass


class Store:
    def __init__(self, events):
        self.events = events

    async def get_events(self, event_ids, allow_rejected=False):
        return {each: self.events[each] for each in event_ids if each in self.events}

    def reached(self, starts, following):
        seen, waiting = set(), list(starts)
        while waiting:
            event_id = waiting.pop()
            if event_id not in seen:
                seen.add(event_id)
                waiting.extend(following(event_id))
        return seen

    def chain(self, event_ids):
        return self.reached(event_ids, lambda each: self.events[each].auth_event_ids())

    async def get_auth_chain_difference(self, _room_id, state_sets, conflicted, _additional):
        chains = [self.chain(state) for state in state_sets]
        subgraph = None
        if conflicted is not None:
            authorised = {}
            for event_id, event in self.events.items():
                for auth_id in event.auth_event_ids():
                    authorised.setdefault(auth_id, set()).add(event_id)
            subgraph = self.chain(conflicted) & self.reached(conflicted, lambda each: authorised.get(each, ()))
        return StateDifference(
            auth_difference=set.union(*chains) - set.intersection(*chains), conflicted_subgraph=subgraph
        )


def fork(room):
    version = room["version"]
    rules = KNOWN_ROOM_VERSIONS[version]
    events = [event_of(pdu, version) for pdu in room["events"]]
    by_id = {event.event_id: event for event in events}
    index = {event.event_id: at for at, event in enumerate(events)}

    async def found(event_ids):
        return {each: by_id[each] for each in event_ids}

    def resolve(states):
        maps = [{(events[at].type, events[at].state_key): events[at].event_id for at in state} for state in states]
        if version == "1":
            resolving = v1.resolve_events_with_store(events[0].room_id, rules, maps, dict(by_id), found)
        else:
            store = Store(by_id)
            resolving = v2.resolve_events_with_store(Clock(), events[0].room_id, rules, maps, None, store)
        return sorted(index[event_id] for event_id in asyncio.run(resolving).values())

    cases = [{"states": states, "resolved": resolve(states)} for states in room["cases"]]
    return {"version": version, "events": room["events"], "cases": cases}


forms = json.loads(json.dumps([form(each) for each in drawn["forms"]]))
rooms = [auth(each) for each in drawn["auth"]]
forks = [fork(each) for each in drawn["forks"]]


def note_second(case, theirs, ours):
    if theirs != ours:
        case["second"] = theirs


if second is not None:
    for case, theirs in zip(forms, second["forms"], strict=True):
        redacted = {key: value for key, value in theirs["redacted"].items() if key != "unsigned" and value is not None}
        note_second(case, {**theirs, "redacted": redacted}, {key: case[key] for key in ("eventId", "redacted")})
    for room, verdicts in zip(rooms, second["auth"], strict=True):
        for case, theirs in zip(room["cases"], verdicts, strict=True):
            note_second(case, theirs["allowed"], case["allowed"])
    for room, resolutions in zip(forks, second["forks"], strict=True):
        for case, theirs in zip(room["cases"], resolutions, strict=True):
            note_second(case, theirs, case["resolved"])

write("event-forms.json", "Id, content hash and redaction of events.", {"cases": forms})
write(
    "auth-verdicts.json",
    "Whether the auth rules allow events in a state. Left out, since Synapse differs from the specification there:"
    " rooms closed to other servers, and redactions that name nothing.",
    {"rooms": rooms},
)
write("state-resolutions.json", "States of forks and what they resolve to, as indices of events.", {"rooms": forks})
