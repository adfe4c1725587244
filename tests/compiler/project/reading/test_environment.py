"""`${NAME}` in a value."""

from __future__ import annotations

import pytest

from ftc.project.reading.environment import expand


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${N}", "n"),
        ("a${N}b${N}c", "anbnc"),
        ("${N:-x}", "n"),
        ("${M:-x y}", "x y"),
        ("${M:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-x}", "x"),
        ("$${N}", "${N}"),
        ("$$${N}", "$${N}"),
        ("$N $ {N} $$", "$N $ {N} $$"),
        ("${MAX_TOKENS}${MONKEY}${TOKENIZER}", "5mt"),
    ],
)
def test_a_variable_is_replaced(text: str, value: str) -> None:
    """With a default if it is unset or empty, as in a shell; `$${` is the way to write `${`."""
    known = {"N": "n", "EMPTY": "", "MAX_TOKENS": "5", "MONKEY": "m", "TOKENIZER": "t"}

    assert expand(text, known) == (value, [])


@pytest.mark.parametrize(
    ("text", "code", "written"),
    [
        ("a ${M}", "unset-variable", "${M}"),
        ("a ${M", "syntax", "${M"),
        ("a ${}", "syntax", "${}"),
        ("a ${M-x}", "syntax", "${M-x}"),
        ("${HF_TOKEN}", "secret", "${HF_TOKEN}"),
        ("${KEY:-x}", "secret", "${KEY:-x}"),
        ("${my_passwd}", "secret", "${my_passwd}"),
        ("${AWS_SECRET_ACCESS_KEY}", "secret", "${AWS_SECRET_ACCESS_KEY}"),
        ("${BYTES}", "not-utf-8", "${BYTES}"),
    ],
)
def test_a_variable_is_refused(text: str, code: str, written: str) -> None:
    """The fault names what is written, so that a caret can stand under it; a secret is not read."""
    known = {"HF_TOKEN": "hf_x", "BYTES": "\udcff"}

    value, refusals = expand(text, known)

    assert value == text
    assert [(refusal.code, refusal.written) for refusal in refusals] == [(code, written)]
    assert "hf_x" not in refusals[0].message
