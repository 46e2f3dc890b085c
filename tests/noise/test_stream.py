"""Bits: RFC 8439, a fresh key for every call, and no way to draw the same noise twice."""

import contextvars
import copy
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from privlib.errors import InvalidInput, PrivlibError
from privlib.noise import bernoulli, discrete_laplace
from privlib.noise.stream import MAX_OUTPUTS, ChaChaWords, is_secure, words
from privlib.noise.testing import InsecureNoise, fixed_key, scripted_words

KEY = bytes(range(32))
SIZE = 40
"""Noise of scale 1000 in 40 outputs repeats by chance with probability below 1000**-40."""


def noise() -> tuple[int, ...]:
    return tuple(discrete_laplace(SIZE, scale=1000).tolist())


def test_the_layout_is_that_of_rfc_8439() -> None:
    # Section 2.3.2: the nonce 00000009 0000004a 00000000 is domain and stream, little endian.
    source = ChaChaWords(KEY, stream=0x4A000000)
    block = source._bytes(0x09000000, 1, 64)
    assert block.hex().startswith("10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e")
    # Appendix A.1, vectors 1 and 2: the key and nonce of zeros, counters 0 and 1.
    main = ChaChaWords(bytes(32)).main(0, 16, 64)
    assert main[:16].hex() == "76b8e0ada0f13d90405d6ae55386bd28"
    assert main[64:80].hex() == "9f07e7be5551387a98ba977c732d080d"


def test_narrow_words_are_the_same_bytes() -> None:
    source = ChaChaWords(KEY)
    assert source.main(6, 20, 32) == source.main(3, 10, 64)


def test_main_words_further_attempts_and_refinement_bits_never_share_a_block() -> None:
    source = ChaChaWords(KEY)
    blocks = {source.main(8 * i, 8, 64) for i in range(20)}
    for output in range(5):
        for domain in range(63):
            blocks.add(b"".join(source.retry(output, 8 * domain + i).to_bytes(8, "little") for i in range(1, 9)))
        for use in range(3):
            for block in range(3):
                blocks.add(b"".join(source.refine(output, use, 8 * block + i).to_bytes(8, "little") for i in range(8)))
    assert len(blocks) == 20 + 5 * 63 + 5 * 3 * 3


def test_the_block_counter_never_wraps() -> None:
    source = ChaChaWords(KEY)
    assert len(source.main(MAX_OUTPUTS - 1, 1, 64)) == 8
    for start, count in ((MAX_OUTPUTS, 1), (MAX_OUTPUTS - 1, 2), (-1, 1), (0, MAX_OUTPUTS + 1)):
        with pytest.raises(InvalidInput):
            source.main(start, count, 64)
    with pytest.raises(RuntimeError):
        source.retry(0, 505)
    with pytest.raises(RuntimeError):
        source.refine(0, 2**15, 0)
    with pytest.raises(RuntimeError):
        source.refine(0, 0, 8 * 2**16)


def test_every_call_has_its_own_key() -> None:
    assert len({noise() for _ in range(50)}) == 50
    assert ChaChaWords().main(0, 4, 64) != ChaChaWords().main(0, 4, 64)
    assert is_secure()


def test_threads_never_repeat_noise() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: noise(), range(64)))) == 64


def test_forked_processes_never_repeat_noise() -> None:
    code = """
        import os, sys
        from privlib.noise import discrete_laplace
        draw = lambda: discrete_laplace(40, scale=1000).tolist()
        draw()
        for _ in range(4):
            if not (child := os.fork()):
                print(draw(), flush=True)
                os._exit(0)
            os.waitpid(child, 0)
        print(draw())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(set(lines)) == 5


@pytest.mark.parametrize("spread", [copy.copy, copy.deepcopy, pickle.dumps, lambda it: it.__reduce_ex__(2)])
def test_a_keyed_stream_cannot_be_copied(spread: object) -> None:
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        spread(ChaChaWords(KEY))


def test_no_key_is_shown() -> None:
    source = ChaChaWords(KEY)
    for text in (repr(source), str(source), f"{source}"):
        assert KEY.hex() not in text
        assert repr(KEY)[2:-1] not in text
    with pytest.raises(TypeError):  # no dictionary that a debugger's dump would print
        vars(source)


# Test mode


def test_a_fixed_key_repeats_and_moves_on() -> None:
    with fixed_key(KEY):
        first = [noise(), noise(), tuple(bernoulli(SIZE, p=0.5).tolist())]
    with fixed_key(KEY):
        again = [noise(), noise(), tuple(bernoulli(SIZE, p=0.5).tolist())]
    assert first == again
    assert first[0] != first[1]


def test_the_block_of_test_mode_ends_with_itself_also_by_an_error() -> None:
    with fixed_key(KEY):
        assert not is_secure()
        with scripted_words([0]):
            assert not is_secure()
        assert not is_secure()
    assert is_secure()
    with pytest.raises(ZeroDivisionError), fixed_key(KEY):
        1 / 0  # noqa: B018
    assert is_secure()
    assert noise() != noise()


def test_test_mode_does_not_cross_threads() -> None:
    seen: list[object] = []
    with fixed_key(KEY):
        thread = threading.Thread(target=lambda: seen.extend([is_secure(), noise()]))
        thread.start()
        thread.join()
        assert seen[0] is True
        assert seen[1] not in (noise(), noise())


def test_test_mode_warns() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with fixed_key(KEY):
            pass
        with scripted_words([]):
            pass
    assert [warning.category for warning in caught] == [InsecureNoise, InsecureNoise]
    assert {os.path.basename(warning.filename) for warning in caught} == {os.path.basename(__file__)}


@pytest.mark.parametrize("value", [None, "", "0", "true"])
def test_test_mode_needs_the_environment_variable(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("PRIVLIB_INSECURE_TEST")
    else:
        monkeypatch.setenv("PRIVLIB_INSECURE_TEST", value)
    for mode in (fixed_key(KEY), scripted_words([1])):
        with pytest.raises(InvalidInput, match="PRIVLIB_INSECURE_TEST=1"), mode:
            pass
    assert is_secure()


@pytest.mark.parametrize("key", [5, 0, None, "0" * 32, bytes(31), bytes(33), bytearray(32), np.zeros(32, np.uint8)])
def test_a_seed_is_refused_as_a_key(key: object) -> None:
    with pytest.raises(InvalidInput, match="32 bytes; integer seeds are refused"), fixed_key(key):
        pass


def test_a_script_that_ends_is_not_continued_by_real_words() -> None:
    with scripted_words([1, 2]), pytest.raises(PrivlibError, match="2 words"):
        bernoulli(3, p=0.5)
    with scripted_words([(2**64 - 1) // 3]), pytest.raises(PrivlibError, match="no refinement bits"):
        bernoulli(1, p="1/3")
    with scripted_words([]), pytest.raises(PrivlibError, match="0 words"):
        noise()


def test_words_are_fresh_objects() -> None:
    assert words() is not words()


def test_a_fixed_key_ends_for_good_even_if_blocks_end_in_the_wrong_order() -> None:
    def held(key: bytes) -> Generator[None]:
        with fixed_key(key):
            yield

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        first, second = held(bytes(32)), held(bytes(range(32)))
        next(first), next(second)
        first.close(), second.close()
    assert is_secure()
    assert not np.array_equal(discrete_laplace(50, scale=9), discrete_laplace(50, scale=9))


def test_a_fixed_key_does_not_follow_its_context_into_another_thread() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        with fixed_key(bytes(32)):
            context = contextvars.copy_context()
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(context.run, is_secure).result()
    assert context.run(is_secure)  # and does not outlive the block in a copy of its context
