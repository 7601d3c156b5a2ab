import io

from rich.console import Console

from harness.run.display import LiveUi, PlainUi, Progressed, make_ui, numbers

EMPTY = Progressed("warmup", 0.0, 100.0)
FULL = Progressed("steady", 25.0, 100.0, 98, 100, 51.24, 0.0801, 0.0012, 98 * 2.0**20, ("TargetDown", "ErrorsHigh"))


def console(terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=100), out


def test_what_is_not_known_is_not_shown_as_zero() -> None:
    assert numbers(EMPTY) == "users -  rps -  p95 -  errors -  memory -  alerts none"


def test_all_figures() -> None:
    assert numbers(FULL) == (
        "users 98/100  rps 51.2  p95 80.1ms  errors 0.12%  memory 98 MiB  alerts TargetDown, ErrorsHigh"
    )


def test_plain_lines_come_every_few_seconds_and_at_each_phase() -> None:
    times = iter([0.0, 1.0, 4.9, 5.0, 6.0])
    where, out = console()
    ui = PlainUi(where, clock=lambda: next(times))
    for _ in range(4):
        ui.progress(FULL)
    ui.progress(Progressed("cooldown", 100.0, 100.0))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("steady    25%  left 1m 15s  users 98/100")
    assert lines[2].startswith("cooldown 100%  left 0s")


def test_plain_events_show_markup_as_it_is() -> None:
    where, out = console()
    ui = PlainUi(where)
    ui.event("[red]label[/red]")
    ui.event("lost", "error")
    assert out.getvalue() == "[red]label[/red]\nerror: lost\n"


def test_live_display_on_a_terminal() -> None:
    where, out = console(terminal=True)
    ui = make_ui(where)
    assert isinstance(ui, LiveUi)
    ui.event("[bold]begin")
    ui.progress(EMPTY)
    ui.progress(FULL)
    ui.close()
    ui.close()
    text = out.getvalue()
    assert "[bold]begin" in text
    assert "25%" in text
    assert "left 1m 15s" in text
    assert "rps 51.2" in text


def test_no_terminal_gets_plain_lines() -> None:
    assert isinstance(make_ui(console()[0]), PlainUi)
