"""Runs that wait for their turn: first come, first served, and no scheduler that could die."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from vae_core.errors import ConfigError, TrainingError
from vae_core.runs import trainer
from vae_core.runs.jobs import resume, start
from vae_core.runs.run import Run, Status, create_run
from vae_core.runs.slots import Slot, place, slots
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

CONFIG = TrainConfig(dataset="digits", hidden=(8,), epochs=2, batch_size=300)

WaitUntil = Callable[[Callable[[], Any]], None]
Trainers = list["subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_SLOTS", "1")


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[FileLock]:
    """The one slot, taken; release it to let the next one begin."""
    (tmp_path / ".slots").mkdir()
    lock = FileLock(tmp_path / ".slots" / "slot-0")
    with lock:
        yield lock


def in_thread(run: Run, **options: Any) -> threading.Thread:
    thread = threading.Thread(target=work, args=(run,), kwargs={"queued": True, **options})
    thread.start()
    return thread


def test_those_that_wait_have_places_by_the_time_they_came(
    tmp_path: Path, busy: FileLock, trainers: Trainers, wait_until: WaitUntil
) -> None:
    runs = [start(CONFIG, tmp_path, owner="ann") for _ in range(4)]
    assert [place(run) for run in runs] == [1, 2, 3, 4], "from the first moment"
    wait_until(lambda: all(run.status().begun for run in runs))
    assert [place(run) for run in runs] == [1, 2, 3, 4]
    assert {run.status().state for run in runs} == {"waiting"}
    assert all(run.status().active and not run.resumable for run in runs)

    runs[1].request_stop()
    wait_until(lambda: not runs[1].status().active)
    assert runs[1].status().state == "stopped"
    assert runs[1].resumable and not runs[1].checkpoint.exists() and not runs[1].events()
    assert [place(run) for run in runs] == [1, None, 2, 3]

    trainers[0].kill()
    trainers[0].wait()
    assert runs[0].status().state == "failed" and "before its turn" in runs[0].status().message
    assert runs[0].resumable
    assert [place(run) for run in runs] == [None, None, 1, 2]

    resume(runs[0])
    assert [place(run) for run in runs] == [3, None, 1, 2], "who comes again stands at the end"

    trainers[3].send_signal(signal.SIGTERM)
    wait_until(lambda: not runs[3].status().active)
    assert runs[3].status().state == "stopped"
    assert [place(run) for run in runs] == [2, None, 1, None]

    runs[2].request_pause()
    wait_until(lambda: runs[2].status().state == "paused")
    assert [place(run) for run in runs] == [1, None, None, None]
    runs[2].request_continue()
    # It says that it waits before it stands in the queue: who stands there and does not is dead.
    wait_until(lambda: [place(run) for run in runs] == [1, None, 2, None])


def test_a_waiting_process_has_not_loaded_torch(
    tmp_path: Path, busy: FileLock, trainers: Trainers, wait_until: WaitUntil
) -> None:
    run = start(CONFIG, tmp_path)
    wait_until(lambda: run.status().begun)
    maps = Path(f"/proc/{trainers[0].pid}/maps")
    if not maps.exists():
        pytest.skip("this system does not show what a process has loaded")
    assert "libtorch" not in maps.read_text()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it is to fail
def test_one_trains_at_a_time_and_the_queue_outlives_a_kill(
    tmp_path: Path, trainers: Trainers, wait_until: WaitUntil
) -> None:
    killed = start(replace(CONFIG, epochs=10_000), tmp_path)
    failing = create_run(replace(CONFIG, batch_size=2_000), tmp_path / "digits-failing")
    last = create_run(CONFIG, tmp_path / "digits-last")
    for run in (failing, last):
        Slot(run).enter()
    threads = [in_thread(run) for run in (failing, last)]
    wait_until(killed.events)
    assert (place(killed), place(failing), place(last)) == (None, 1, 2)
    trainers[0].send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    states = [run.status().state for run in (killed, failing, last)]
    assert states == ["failed", "failed", "finished"]
    assert "batch_size=2000" in failing.status().message and not failing.resumable
    assert last.events()[0]["time"] > killed.events()[-1]["time"]


def test_runs_train_in_the_order_in_which_they_came(tmp_path: Path, busy: FileLock) -> None:
    begun: list[str] = []
    runs = [create_run(CONFIG, tmp_path / f"digits-{name}") for name in "cab"]
    for run in runs:
        Slot(run).enter()
    threads = [in_thread(r, on_progress=lambda _, r=r: begun.append(r.token)) for r in runs[::-1]]
    busy.release()
    for thread in threads:
        thread.join()
    assert list(dict.fromkeys(begun)) == [run.token for run in runs]
    assert {run.status().state for run in runs} == {"finished"}
    assert [place(run) for run in runs] == [None, None, None]
    assert list((tmp_path / ".slots" / "waiting").iterdir()) == []


def test_a_paused_run_gives_its_slot_to_another_and_waits_to_get_it_back(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    first, second = (create_run(CONFIG, tmp_path / f"digits-{name}") for name in "ab")
    pauses = iter([first.request_pause])
    thread = in_thread(first, on_progress=lambda _: next(pauses, lambda: None)())
    wait_until(lambda: first.status().state == "paused")
    seen = []

    def look(_: Any) -> None:
        if not seen:
            first.request_continue()
            wait_until(lambda: first.status().state == "waiting")
            seen.append(place(first))

    work(second, look, queued=True)
    assert seen == [1], "the other one trains: the first waits for its turn again"
    thread.join()
    assert first.status().state == second.status().state == "finished"
    assert [e["epoch"] for e in first.events() if e["epoch_ended"]] == [1, 2]


def test_a_process_that_never_began_holds_up_nobody(tmp_path: Path) -> None:
    stuck = create_run(CONFIG, tmp_path / "digits-stuck")
    Slot(stuck).enter()
    next_one = create_run(CONFIG, tmp_path / "digits-next")
    Slot(next_one).enter()
    assert place(next_one) == 2
    stuck.write_status(replace(stuck.status(), started=0.0))
    assert stuck.status().state == "failed" and place(next_one) == 1


def test_a_run_whose_folder_is_gone_holds_up_nobody(tmp_path: Path) -> None:
    Slot(Run(tmp_path / "digits-gone")).enter()
    (tmp_path / ".slots" / "waiting" / "notes.txt").touch()
    run = create_run(CONFIG, tmp_path / "digits-run")
    work(run, queued=True)
    assert run.status().state == "finished"


def test_runs_of_the_command_line_wait_for_nobody(tmp_path: Path, busy: FileLock) -> None:
    run = create_run(CONFIG, tmp_path / "digits-run")
    work(run)
    assert run.status().state == "finished"


def test_a_run_ends_when_it_has_trained_long_enough_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUN_HOURS", "1e-9")
    run = create_run(replace(CONFIG, epochs=500), tmp_path / "long")
    work(run, queued=True)
    status = run.status()
    assert status.state == "stopped" and "as long as a run may" in status.message
    assert run.resumable and (run.checkpoint / "metrics.json").exists()
    work(create_run(CONFIG, tmp_path / "unqueued"))
    assert Run(tmp_path / "unqueued").status().state == "finished"


def test_waiting_and_pausing_is_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(trainer.time, "monotonic", lambda: clock[0])
    monkeypatch.setenv("ZSCAPE_RUN_HOURS", "1")
    run = create_run(CONFIG, tmp_path / "run")
    turn = trainer.Turn(run, lambda: False, Slot(run))
    for state, seconds in (("waiting", 1e5), ("running", 1800), ("paused", 1e5), ("running", 1700)):
        turn.say(state)
        clock[0] += seconds
        if state == "running":
            assert turn.may_train()
    clock[0] += 101
    assert not turn.may_train() and "1 h" in turn.why_over


@pytest.mark.parametrize("hours", ["soon", "0", "-1", "nan"])
def test_hours_that_are_none_are_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: str
) -> None:
    monkeypatch.setenv("ZSCAPE_RUN_HOURS", hours)
    with pytest.raises(ConfigError, match="ZSCAPE_RUN_HOURS"):
        start(CONFIG, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "99999"])
def test_slots_out_of_range_are_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ZSCAPE_SLOTS", value)
    with pytest.raises(ConfigError, match=f"ZSCAPE_SLOTS='{value}'"):
        start(CONFIG, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_without_ray_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_CLUSTER", "127.0.0.1:6379")
    monkeypatch.setattr("vae_core.runs.jobs.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"Ray is not installed.*requirements-cluster\.txt"):
        start(CONFIG, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_there_is_a_slot_for_each_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZSCAPE_SLOTS")
    for cores, expected in ((1, 1), (2, 1), (3, 1), (8, 4), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert slots() == expected


def test_more_slots_let_more_runs_train_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.setenv("ZSCAPE_SLOTS", "2")
    config = replace(CONFIG, epochs=10_000)
    runs = [create_run(config, tmp_path / f"digits-{name}") for name in "abc"]
    threads = [in_thread(run) for run in runs]
    wait_until(lambda: sum(run.status().state == "running" for run in runs) == 2)
    (waits,) = [run for run in runs if run.status().state == "waiting"]
    wait_until(lambda: place(waits) == 1)  # once its thread stands in the queue
    for run in runs:
        run.request_stop()
    for thread in threads:
        thread.join()
    assert {run.status().state for run in runs} == {"stopped"}


# Resuming


def test_a_run_that_trains_or_has_finished_is_not_resumed(tmp_path: Path) -> None:
    run = create_run(CONFIG, tmp_path / "digits-run")
    with pytest.raises(TrainingError, match="it is being trained"):
        resume(run)
    work(run)
    with pytest.raises(TrainingError, match="it has finished"):
        resume(run)
    assert run.status().state == "finished" and not run.resumable


def test_a_trainer_that_has_told_its_end_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainers: Trainers
) -> None:
    """It still tidies up when the page shows the button Resume."""
    run = create_run(CONFIG, tmp_path / "digits-run")
    work(run, should_stop=lambda: True)
    read, tries = Run._read_status, [0]
    leaving = FileLock(run.path / ".lock")
    leaving.acquire()

    def look(self: Run) -> Status:
        tries[0] += 1
        leaving.release()
        return read(self)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_read_status", look)
        resume(run)
    assert tries[0] and run.status().state == "waiting"


def test_of_many_who_look_at_a_dead_run_none_takes_another_for_its_trainer(tmp_path: Path) -> None:
    run = create_run(CONFIG, tmp_path / "digits-run")
    run.write_status(replace(run.status(), state="running", begun=True))
    states: set[str] = set()

    def look() -> None:
        for _ in range(200):
            states.add(run.status().state)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == {"failed"}


def test_what_would_fail_again_is_not_resumed(tmp_path: Path) -> None:
    config = replace(CONFIG, learning_rate=10.0, schedule="constant", epochs=200)
    run = create_run(replace(config, likelihood="gaussian", sigma=1e-4), tmp_path / "digits-run")
    with pytest.raises(TrainingError, match="not a finite number"):
        work(run)
    with pytest.raises(TrainingError, match="cannot be resumed: The loss is not a finite number"):
        resume(run)


def test_a_folder_that_is_no_run_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="There is no run folder"):
        resume(Run(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="not a run folder"):
        resume(Run(tmp_path / "empty"))


def test_what_was_asked_of_a_dead_process_does_not_concern_the_next(
    tmp_path: Path, trainers: Trainers, wait_until: WaitUntil, busy: FileLock
) -> None:
    run = create_run(CONFIG, tmp_path / "digits-run")
    work(run, should_stop=lambda: True)
    run.request_stop()
    run.request_pause()
    resume(run)
    assert not run.stop_requested and not run.pause_requested
    wait_until(lambda: run.status().begun)
    assert run.status().state == "waiting"
    with pytest.raises(TrainingError, match="being trained"):
        resume(run)
