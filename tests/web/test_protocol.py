"""Frames: what is read, what is refused, and how bytes are cut into parts."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.web import protocol

NAMES = st.text(min_size=1, max_size=20)
BODIES = st.dictionaries(NAMES, st.text(max_size=300), max_size=4).map(lambda told: json.dumps(told).encode())
QUALITY = b'{"state":"live"}'


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_whatever_comes_is_a_frame_or_a_sentence(body: bytes | str) -> None:
    try:
        frame = protocol.decode(body)
    except protocol.BadFrame as error:
        assert error.say.endswith(".")
    else:
        assert type(frame) in protocol.CLIENT_FRAMES.values()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(protocol.CLIENT_FRAMES)), st.dictionaries(st.text(max_size=8), JUNK, max_size=5))
def test_a_known_type_with_junk_is_read_or_named(kind: str, fields: dict[str, Any]) -> None:
    try:
        protocol.decode(json.dumps({**fields, "type": kind}))
    except protocol.BadFrame as error:
        assert error.code == "invalid"
        assert error.say.endswith(".")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid"),
        ("[]", "invalid"),
        ("{", "invalid"),
        ('{"a":1}', "invalid"),
        ('{"type":"sing"}', "unknown-type"),
        ('{"type":3}', "invalid"),
        ('{"type":"watch"}', "invalid"),
        ('{"type":"watch","channels":[{"channel":""}]}', "invalid"),
        ('{"type":"watch","channels":[{"channel":"a","epoch":"e","offset":-1}]}', "invalid"),
        (f'{{"type":"shown","channel":"a","epoch":"e","offset":{10**400}}}', "invalid"),
        ('{"type":"watch","channels":[{"channel":"a","epoch":"e","offset":9223372036854775808}]}', "invalid"),
        ('{"type":"view","channel":"a","bbox":[1,2,3]}', "invalid"),
        ('{"type":"hello","key":"' + "x" * protocol.MAX_IN + '"}', "too-large"),
        ('{"type":"hello","name":"' + "ộ" * (protocol.MAX_IN // 2) + '"}', "too-large"),
        (b'{"type":"hello","name":"\xff"}', "invalid"),
        ("[" * 20_000, "invalid"),
    ],
)
def test_what_is_wrong_is_told(body: str | bytes, code: str) -> None:
    with pytest.raises(protocol.BadFrame) as caught:
        protocol.decode(body)
    assert caught.value.code == code


def test_unknown_fields_are_ignored() -> None:
    frame = protocol.decode('{"type":"watch","channels":[{"channel":"a","new":1}],"newer":{}}')
    assert frame == protocol.Watch([protocol.Place("a")])


@given(st.dictionaries(NAMES, BODIES, max_size=30), st.sampled_from([400, 900, protocol.MAX_PART]))
def test_the_parts_of_a_snapshot_are_the_whole_of_it(items: dict[str, bytes], room: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(protocol, "MAX_PART", room)
        frames = protocol.snapshot_parts("layer/x", "e", 7, items.items(), QUALITY)
    told = [json.loads(frame) for frame in frames]
    joined = {name: item for part in told for name, item in part["items"].items()}
    assert joined == {name: json.loads(body) for name, body in items.items()}
    assert [part["part"] for part in told] == list(range(1, len(told) + 1))
    assert {part["parts"] for part in told} == {len(told)}
    assert all((part["epoch"], part["offset"], part["quality"]) == ("e", 7, {"state": "live"}) for part in told)
    assert all(len(frame) <= room or len(part["items"]) == 1 for frame, part in zip(frames, told, strict=True))
    assert all(msgspec.json.decode(frame, type=dict[str, Any])["type"] == "snapshot" for frame in frames)


@given(
    st.dictionaries(NAMES, BODIES, max_size=20), st.lists(NAMES, max_size=20), st.sampled_from([400, protocol.MAX_PART])
)
def test_a_large_step_is_several_frames_and_only_the_last_moves(
    put: dict[str, bytes], drop: list[str], room: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(protocol, "MAX_PART", room)
        frames = protocol.delta_frames("layer/x", "e", 3, 4, put, drop, QUALITY)
    told = [json.loads(frame) for frame in frames]
    assert {name: item for frame in told for name, item in frame["put"].items()} == {
        name: json.loads(body) for name, body in put.items()
    }
    assert [name for frame in told for name in frame["drop"]] == drop
    assert [frame.get("more", False) for frame in told] == [True] * (len(told) - 1) + [False]
    assert [frame.get("quality") for frame in told] == [None] * (len(told) - 1) + [{"state": "live"}]
    # drops come before puts, over all frames of the step
    kinds = [kind for frame in told for kind in ("drop", "put") if frame[kind]]
    assert kinds == sorted(kinds)


def test_close_codes_tell_whether_to_come_back() -> None:
    assert json.loads(protocol.bye(protocol.TOO_SLOW, "Slow."))["reconnect"] is True
    assert json.loads(protocol.bye(protocol.REVOKED, "Revoked."))["reconnect"] is False
