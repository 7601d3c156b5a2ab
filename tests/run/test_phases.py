from harness.run.phases import Schedule

SCHEDULE = Schedule(load_from=1000.0, warmup=60.0, duration=300.0)


def test_phases_change_at_their_edges() -> None:
    seen = {t: SCHEDULE.phase(t) for t in (900.0, 1000.0, 1059.9, 1060.0, 1299.9, 1300.0, 5000.0)}
    assert seen == {
        900.0: "warmup", 1000.0: "warmup", 1059.9: "warmup", 1060.0: "steady", 1299.9: "steady", 1300.0: "cooldown",
        5000.0: "cooldown",
    }  # fmt: skip


def test_steady_window_of_a_whole_and_of_a_cut_load() -> None:
    assert SCHEDULE.steady_window(1300.0) == (1060.0, 1300.0)
    assert SCHEDULE.steady_window(1305.0) == (1060.0, 1300.0), "seconds after the plan's end are not steady load"
    assert SCHEDULE.steady_window(1100.0) == (1060.0, 1100.0)


def test_no_steady_window_when_the_warmup_was_not_left() -> None:
    assert SCHEDULE.steady_window(1060.0) is None
    assert SCHEDULE.steady_window(1010.0) is None


def test_elapsed_stays_within_the_load() -> None:
    assert [SCHEDULE.elapsed(t) for t in (990.0, 1000.0, 1150.0, 2000.0)] == [0.0, 0.0, 150.0, 300.0]


def test_without_warmup_the_load_is_steady_at_once() -> None:
    assert Schedule(10.0, 0.0, 5.0).phase(10.0) == "steady"
