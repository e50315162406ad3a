"""Files are written whole or not at all, in their place and with their permissions."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading

import pytest

from gruvy import files


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_new_or_old_and_never_a_part(tmp_path):
    path = tmp_path / "a"
    files.write(path, b"old")

    def half():
        with files.whole_file(path) as file:
            file.write(b"ne")
            assert path.read_bytes() == b"old"
            assert len(os.listdir(tmp_path)) == 2
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        half()
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_bytes() == b"old"
    files.write(path, "neu: ü\r\n")
    assert path.read_bytes() == "neu: ü\r\n".encode()


def test_permissions_are_those_of_the_old_file_or_of_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        files.write(tmp_path / "new", b"")
        assert mode(tmp_path / "new") == 0o640
        for kept in (0o600, 0o666):
            (tmp_path / "new").chmod(kept)
            files.write(tmp_path / "new", b"again")
            assert mode(tmp_path / "new") == kept
    finally:
        os.umask(old)


def test_a_link_stays_one_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")
    for content in (b"one", b"two"):
        files.write(link, content)
        assert link.is_symlink()
        assert (tmp_path / "there" / "file").read_bytes() == content
    os.mkfifo(tmp_path / "pipe")
    came = []
    reader = threading.Thread(target=lambda: came.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    files.write(tmp_path / "pipe", b"through")
    reader.join(30)
    assert came == [b"through"]
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe", "there"]


@pytest.mark.parametrize(("place", "error"), [("", IsADirectoryError), ("no/file", FileNotFoundError)])
def test_errors_name_the_path_that_was_asked_for(tmp_path, place, error):
    with pytest.raises(error) as caught:
        files.write(tmp_path / place, b"")
    assert caught.value.filename == str(tmp_path / place)


def test_what_a_killed_process_left_is_removed_and_what_is_being_written_stays(tmp_path):
    path = tmp_path / "a"
    script = (
        "import os, signal, sys\nfrom gruvy import files\n"
        "with files.whole_file(sys.argv[1]) as file:\n"
        "    file.write(b'half')\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], timeout=60)
    assert done.returncode == -9
    assert len(os.listdir(tmp_path)) == 1
    others = {".a.swp", ".a.tmp", ".ab.01234567.part"}  # an editor's, another's, another target's
    for name in others:
        (tmp_path / name).write_text("")
    with files.whole_file(path) as file:
        file.write(b"first")
        inside = set(os.listdir(tmp_path)) - others
        assert len(inside) == 1  # the leftover is gone, our own is there
        files.clear(path)
        assert set(os.listdir(tmp_path)) - others == inside
    assert path.read_bytes() == b"first"
    assert set(os.listdir(tmp_path)) == others | {"a"}
