"""Share files are shares, byte for byte; they and what is put together of them appear whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from privlib.errors import BadShare, InconsistentShares, InvalidInput, Mismatch, NotEnoughShares, PrivlibError
from privlib.noise.testing import fixed_key
from privlib.sharing import files, joining, whole
from privlib.sharing.dealer import Dealer
from privlib.sharing.files import combine_file, split_file
from privlib.sharing.recover import combine
from privlib.sharing.series import exponents_of, polynomial
from privlib.sharing.share import Share
from privlib.sharing.signing import public_key
from privlib.sharing.spec import Spec
from privlib.sharing.wire import Head, write_head

SECRET = bytes(range(256)) * 7 + b"the end"
MASTER = bytes(range(32))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "plan.txt"
    file.write_bytes(SECRET)
    return file


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "shares"
    folder.mkdir()
    return folder


@pytest.fixture(params=[64, 2**18])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that a file has many, and those that are shipped."""
    monkeypatch.setattr(files, "_BLOCK", request.param)
    monkeypatch.setattr(joining, "_BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("mode", ["seeded", "perfect"])
@pytest.mark.parametrize("integrity", ["amd", "none", "signed"])
@pytest.mark.parametrize("width", [None, 5])
def test_any_threshold_of_share_files_give_the_file(
    source: Path, out: Path, mode: str, integrity: str, width: int | None
) -> None:
    paths = split_file(source, out, threshold=3, shares=[2, 1000, 5, 7], mode=mode, integrity=integrity, width=width)
    assert [path.name for path in paths] == [f"plan.txt.{t}.share" for t in (2, 1000, 5, 7)]
    for chosen, ts in (([0, 1, 2], [2, 5, 1000]), ([3, 1, 0], [7, 2, 1000])):
        made = combine_file([paths[i] for i in chosen], out / f"again{chosen[0]}", expected=ts)
        assert made.read_bytes() == SECRET
    assert combine_file(paths, out / "all").read_bytes() == SECRET
    shares = [Share.load(path) for path in paths]
    assert combine(shares[1:], expected=[1000, 5, 7]) == SECRET
    assert {share.kind for share in shares} == {mode}
    assert all(share.secure for share in shares)
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}


def test_shares_of_a_dealer_are_share_files(out: Path) -> None:
    dealer = Dealer(SECRET, threshold=2)
    paths = [out / name for name in ("ada", "bob")]
    for path in paths:
        dealer.issue(path.name).save(path)
    assert combine_file(paths, out / "again", expected=[1, 2]).read_bytes() == SECRET


def test_with_a_master_people_join_later_and_without_they_cannot(source: Path, out: Path) -> None:
    first = split_file(source, out, threshold=2, shares=2, master=MASTER)
    later = split_file(source, out, threshold=2, shares=[2**70], master=MASTER)
    assert combine_file([first[1], *later], out / "again", expected=[2, 2**70]).read_bytes() == SECRET
    stranger = split_file(source, out, threshold=2, shares=[3])
    with pytest.raises(Mismatch, match="dealer"):
        combine_file([first[0], *stranger], out / "wrong", expected=[1, 3])


def test_one_master_hides_two_files_and_two_plans_by_unrelated_digits(source: Path, out: Path) -> None:
    """Under the same digits the exclusive or of two first shares would be that of the files, or of little else."""
    other = source.with_name("other")
    other.write_bytes(bytes(len(SECRET)))
    made = [
        split_file(path, out / name, threshold=threshold, shares=1, master=MASTER, integrity="none")[0]
        for name, path, threshold in (("a", source, 2), ("b", other, 2), ("c", source, 3))
        if (out / name).mkdir() is None
    ]
    payloads = [Share.load(path).payload for path in made]
    assert len({Share.load(path).dealer for path in made}) == 3
    for one, two in ((0, 1), (0, 2), (1, 2)):
        mixed = bytes(a ^ b for a, b in zip(payloads[one], payloads[two], strict=True))
        assert mixed != SECRET
        assert len(set(mixed)) > 100  # 1,799 uniform bytes have fewer values with probability far below 2**-1000


def test_what_is_drawn_in_test_mode_says_so(source: Path, out: Path) -> None:
    with pytest.warns(UserWarning, match="insecure"), fixed_key(bytes(32)):
        paths = split_file(source, out, threshold=2, shares=2, mode="perfect")
    assert not any(Share.load(path).secure for path in paths)


def damaged(path: Path, place: int) -> Path:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("place", [-1, -3, -100, -1700])
def test_a_damaged_share_file_is_named_and_nothing_appears(source: Path, out: Path, place: int) -> None:
    paths = split_file(source, out, threshold=2, shares=3)
    damaged(paths[1], place)
    with pytest.raises(BadShare, match="participant 2 is damaged"):
        combine_file(paths[:2], out / "again", expected=[1, 2])
    assert sorted(os.listdir(out)) == sorted(path.name for path in paths)


def forged(path: Path, place: int) -> None:
    """A share that was changed on purpose: its checksum fits."""
    share = Share.load(path)
    payload = bytearray(share.payload)
    payload[place] ^= 1
    fields = {
        name: getattr(share, name)
        for name in ("spec", "dealer", "epoch", "t", "lineage", "kind", "secure", "public_key", "signature")
    }
    path.unlink()
    Share(**fields, payload=bytes(payload)).save(path)


def test_a_forged_share_file_is_noticed_by_each_integrity(source: Path, out: Path) -> None:
    for integrity, refusal in (("amd", "fails its check"), ("signed", "participant 2 is not what its dealer signed")):
        (out / integrity).mkdir()
        paths = split_file(source, out / integrity, threshold=2, shares=2, integrity=integrity)
        forged(paths[1], 600)
        with pytest.raises(BadShare, match=refusal):
            combine_file(paths, out / integrity / "again", expected=[1, 2])
        assert not (out / integrity / "again").exists()


def test_one_share_file_more_than_the_threshold_is_a_check(source: Path, out: Path) -> None:
    paths = split_file(source, out, threshold=2, shares=3, integrity="none")
    forged(paths[1], 600)
    with pytest.raises(InconsistentShares):
        combine_file(paths, out / "again")
    forged(paths[0], 0)
    with pytest.raises(InconsistentShares):
        combine_file(paths, out / "again")
    assert not (out / "again").exists()


def test_signed_share_files_are_held_to_the_dealers_key(source: Path, out: Path) -> None:
    private = bytes(range(1, 33))
    paths = split_file(source, out, threshold=2, shares=2, integrity="signed", sign=private)
    assert combine_file(paths, out / "again", public_key=public_key(private)).read_bytes() == SECRET
    with pytest.raises(BadShare, match="signed by the dealer's key"):
        combine_file(paths, out / "other", public_key=public_key(bytes(32)))


REFUSALS: dict[str, tuple[type[PrivlibError], Callable[[list[Path], Path], object]]] = {
    "no files": (NotEnoughShares, lambda paths, out: combine_file([], out / "x")),
    "too few files": (NotEnoughShares, lambda paths, out: combine_file(paths[:1], out / "x", expected=[1])),
    "unsure whose they are": (InvalidInput, lambda paths, out: combine_file(paths[:2], out / "x")),
    "another participant": (Mismatch, lambda paths, out: combine_file(paths[:2], out / "x", expected=[1, 3])),
    "a participant twice": (InvalidInput, lambda paths, out: combine_file([paths[0]] * 2, out / "x", expected=[1, 1])),
    "unsigned files where a key is given": (BadShare, lambda paths, out: combine_file(paths, out / "x", public_key=bytes(32))),
    "a folder": (InvalidInput, lambda paths, out: combine_file([out, paths[0]], out / "x", expected=[1, 2])),
    "an output that is there": (InvalidInput, lambda paths, out: combine_file(paths, paths[0])),
    "an output in no folder": (InvalidInput, lambda paths, out: combine_file(paths, out / "none" / "x")),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_share_files_that_do_not_do_are_refused(source: Path, out: Path, what: str) -> None:
    paths = split_file(source, out, threshold=2, shares=3, integrity="amd")
    before = {path: path.read_bytes() for path in paths}
    error, call = REFUSALS[what]
    with pytest.raises(error):
        call(paths, out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before


SPLITS: dict[str, Callable[[Path, Path], object]] = {
    "nobody": lambda source, out: split_file(source, out, threshold=2, shares=0),
    "no participants": lambda source, out: split_file(source, out, threshold=2, shares=[]),
    "a participant twice": lambda source, out: split_file(source, out, threshold=2, shares=[1, 1]),
    "participant zero": lambda source, out: split_file(source, out, threshold=2, shares=[0]),
    "too many": lambda source, out: split_file(source, out, threshold=2, shares=1000),
    "an unknown mode": lambda source, out: split_file(source, out, threshold=2, shares=2, mode="fast"),
    "a master that nothing is made from": lambda source, out: split_file(
        source, out, threshold=2, shares=2, mode="perfect", master=MASTER
    ),
    "a short master": lambda source, out: split_file(source, out, threshold=2, shares=2, master=b"1"),
    "a short signing key": lambda source, out: split_file(source, out, threshold=2, shares=2, sign=b"1"),
    "a signature that nobody looks at": lambda source, out: split_file(
        source, out, threshold=2, shares=2, sign=MASTER, integrity="none"
    ),
    "a threshold of one": lambda source, out: split_file(source, out, threshold=1, shares=2),
    "a folder": lambda source, out: split_file(out, out, threshold=2, shares=2),
    "no folder": lambda source, out: split_file(source, out / "none", threshold=2, shares=2),
}


@pytest.mark.parametrize("what", SPLITS)
def test_splits_that_cannot_be_are_refused(source: Path, out: Path, what: str) -> None:
    with pytest.raises(InvalidInput):
        SPLITS[what](source, out)
    assert not list(out.iterdir())


def test_an_empty_file_is_refused(source: Path, out: Path) -> None:
    source.write_bytes(b"")
    with pytest.raises(InvalidInput, match="one byte or more"):
        split_file(source, out, threshold=2, shares=2)


def test_an_error_leaves_none_of_the_share_files(source: Path, out: Path) -> None:
    taken = out / "plan.txt.2.share"
    taken.write_bytes(b"somebody's")
    with pytest.raises(InvalidInput, match="never overwritten"):
        split_file(source, out, threshold=2, shares=3)
    assert os.listdir(out) == [taken.name]
    assert taken.read_bytes() == b"somebody's"


def test_a_name_that_is_taken_in_the_last_moment_is_not_overwritten(out: Path) -> None:
    with whole.NewFile(out / "a") as one, whole.NewFile(out / "b") as two:
        two.target.write_bytes(b"somebody's")
        with pytest.raises(InvalidInput, match="never overwritten"):
            whole.publish([one, two])
    assert os.listdir(out) == ["b"]


def test_every_file_is_on_the_disk_before_the_first_has_its_name(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, link, sync = list[str](), whole.NewFile.link, whole.NewFile.sync
    monkeypatch.setattr(whole, "_AHEAD", 100)
    monkeypatch.setattr(whole.NewFile, "link", lambda new: (done.append("name"), link(new)))
    monkeypatch.setattr(whole.NewFile, "sync", lambda new: (sync(new), done.append("disk")))
    with ExitStack() as stack:
        made = [stack.enter_context(whole.NewFile(out / name)) for name in "abc"]
        for new in made:
            for _ in range(5):
                new.write(bytes(70))
        whole.publish(made)
    assert done == ["disk"] * 3 + ["name"] * 3
    assert [(out / name).read_bytes() for name in "abc"] == [bytes(350)] * 3


@pytest.mark.parametrize("change", [b"", SECRET + b"more", bytes(len(SECRET))])
def test_a_file_that_changes_meanwhile_gives_no_shares(
    source: Path, out: Path, change: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = files._plan

    def meanwhile(*given: object) -> object:
        made = plan(*given)
        source.write_bytes(change)
        return made

    monkeypatch.setattr(files, "_plan", meanwhile)
    with pytest.raises(InvalidInput, match="changed"):
        split_file(source, out, threshold=2, shares=2, master=MASTER)
    assert not list(out.iterdir())


def test_where_files_need_names_they_are_temporary_and_go(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    paths = split_file(source, out, threshold=2, shares=2)
    assert combine_file(paths, out / "again", expected=[1, 2]).read_bytes() == SECRET
    forged(paths[1], 600)
    with pytest.raises(BadShare):
        combine_file(paths, out / "wrong", expected=[1, 2])
    assert sorted(os.listdir(out)) == sorted(["again", *(path.name for path in paths)])
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_nothing_is_left_of_a_run_that_is_killed(source: Path, out: Path) -> None:
    code = (
        "import sys, time\nfrom privlib.sharing import files\n"
        "def stuck(outs):\n    print('written', flush=True)\n    time.sleep(60)\n"
        "files.publish = stuck\nfiles.split_file(sys.argv[1], sys.argv[2], threshold=2, shares=3)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(source), str(out)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    time.sleep(0.05)
    assert not list(out.iterdir())


def rewritten(share: Share, other: int, gap: bytes) -> Share:
    """The share that moves the file by ``gap`` when it is put together with the genuine one of one other participant."""
    encode, payload, width = share.spec.prefix_code.encode, bytearray(share.payload), share.spec.width
    for row in exponents_of(polynomial(encode(share.t)) ^ polynomial(encode(other))):
        for place, byte in enumerate(gap, start=row * width):
            if place < len(payload):
                payload[place] ^= byte
    return replace(share, payload=bytes(payload))


@pytest.mark.parametrize("integrity", ["none", "amd"])
def test_a_share_file_that_changes_between_two_readings_is_refused(
    source: Path, out: Path, integrity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With three files for a threshold of two the middle one is read twice; each time it could suit the neighbour."""
    paths = {path: Share.load(path) for path in split_file(source, out, threshold=2, shares=3, integrity=integrity)}
    first, middle, last = sorted(paths, key=lambda path: paths[path].spec.prefix_code.encode(paths[path].t))
    gap, begin, readings = bytes(8) + b"wrong", joining._Source.begin, list[int]()
    versions = [rewritten(paths[middle], paths[side].t, gap).to_bytes() for side in (first, last)]

    def meanwhile(self: joining._Source) -> None:
        if self.head.t == paths[middle].t:
            middle.write_bytes(versions[len(readings) > 1])
            readings.append(len(readings))
        begin(self)

    monkeypatch.setattr(joining._Source, "begin", meanwhile)
    with pytest.raises(BadShare, match="changed while it was read"):
        combine_file(paths, out / "again")
    assert len(readings) == 3  # when it was opened, and once for each pair
    assert not (out / "again").exists()


def empty_share(path: Path, t: int, *, width: int, whole_size: bool) -> Path:
    """A file of zeros that says it is a share; it takes no room on the disk."""
    spec = Spec(2, 1, width=width, integrity="none")
    head = Head(spec=spec, dealer=bytes(16), epoch=0, t=t, lineage=(), kind="perfect", secure=True)
    path.write_bytes(write_head(head))
    os.truncate(path, len(write_head(head)) + (head.payload_bytes + 4 if whole_size else width))
    return path


@pytest.mark.parametrize("width", [2**20, 2**24])
def test_public_fields_alone_take_no_memory(out: Path, width: int) -> None:
    """A mebibyte or nothing on the disk that claims 32 GiB: refused before any room is made."""
    far = [(2**2040 - 1), 2**2039 + 2**1000]
    small = [empty_share(out / f"small{i}", t, width=width, whole_size=False) for i, t in enumerate(far)]
    sparse = [empty_share(out / f"sparse{i}", t, width=width, whole_size=True) for i, t in enumerate(far)]
    tracemalloc.start()
    with pytest.raises(BadShare, match="cut short"):
        combine_file(small, out / "again")
    with pytest.raises(InvalidInput, match="memory"):
        combine_file(sparse, out / "again")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_plan_that_takes_too_much_memory_is_not_split(source: Path, out: Path) -> None:
    with pytest.raises(InvalidInput, match="memory"):
        split_file(source, out, threshold=2, shares=[2**2040 - 1], width=2**16)
    with pytest.raises(InvalidInput, match="memory"):
        split_file(source, out, threshold=400, shares=400, width=2**12)
    assert not list(out.iterdir())


def test_no_message_holds_a_byte_of_a_share(source: Path, out: Path) -> None:
    paths = split_file(source, out, threshold=2, shares=2, integrity="none")
    payload = Share.load(paths[1]).payload
    damaged(paths[1], -40)
    with pytest.raises(BadShare) as caught:
        combine_file(paths, out / "again")
    assert payload[-8:].hex() not in str(caught.value)
    assert str(caught.value) == "the share of participant 2 is damaged: its checksum does not fit"
