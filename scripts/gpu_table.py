"""What `gpu_check.py` found, as Markdown: steps, runs, kernels, and what is missing."""

from __future__ import annotations

from typing import Any


def is_measured(row: dict[str, Any]) -> bool:
    """Return whether a part gave its figures, or passed."""
    return "error" not in row and "left_out" not in row


def said_of(row: dict[str, Any]) -> str:
    """Return in a word how a part went."""
    notes = [*row.get("ours", {}).get("notes", ())]
    notes += [note for run in row.get("runs", ()) for note in run.get("notes", ())]
    told = " ".join(dict.fromkeys(notes))  # what was measured is not what was asked for
    return row.get("left_out") or row.get("error") or row.get("said") or told or "measured"


def table(found: dict[str, Any]) -> str:
    """Return the figures as Markdown: steps, runs, kernels, and what was left out or failed."""
    rows: dict[str, Any] = found["parts"]
    machine = found.get("machine", {})
    versions = machine.get("versions", {})
    told = ", ".join(f"{name} {versions[name]}" for name in ("torch", "cuda") if name in versions)
    lines = [
        f"{machine.get('device_name', found['device'])}, {told or 'versions unknown'}, "
        f"{found['size_px']} px, commit {found['commit']}, TF32 off on both sides.",
        "",
        "| step | straightforward, ms | ours, ms | ratio | worst cosine | peak GB | "
        "first step, s | kernels | without any |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_step_row(name, row) for name, row in rows.items() if "ratio" in row]
    lines += ["", "| run | faces | steps | s | ms a step | s a face | peak GB |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines += [_run_row(name, run) for name, row in rows.items() for run in row.get("runs", ())]
    for name, row in rows.items():
        lines += _kernel_lines(name, row)
    named = {"versions": machine, **rows}
    lines += ["", *(f"- {name}: {said_of(row)}" for name, row in named.items() if _has_note(row))]
    return "\n".join(lines).rstrip() + "\n"


def _has_note(row: dict[str, Any]) -> bool:
    return said_of(row) != "measured"


def _step_row(name: str, row: dict[str, Any]) -> str:
    theirs, ours = row["straightforward"], row["ours"]
    kernels = ours.get("kernels") or {}
    idle = f"{100 * ours['idle_share']:.0f}%" if "idle_share" in ours else ""
    return (
        f"| `{name}` | {1000 * theirs['seconds']:.1f} | {1000 * ours['seconds']:.1f} | "
        f"{row['ratio']:.1f} | {row['gradient_cosine']:.7f} | "
        f"{ours['peak_memory_bytes'] / 1e9:.2f} | {ours.get('warm_up_seconds', 0):.1f} | "
        f"{kernels.get('kernels', '')} | {idle} |"
    )


def _kernel_lines(name: str, row: dict[str, Any]) -> list[str]:
    """Return the kernels that took longest in our step."""
    longest = (row.get("ours", {}).get("kernels") or {}).get("longest", ())
    if not longest:
        return []
    return ["", f"`{name}`, the kernels that took longest:", ""] + [
        f"- {1000 * one['seconds']:.2f} ms, {one['launches']} x `{one['name'][:90]}`"
        for one in longest[:6]
    ]


def _run_row(name: str, run: dict[str, Any]) -> str:
    begin = f"| `{name}` | {run['batch']} | {run['steps']} | "
    if "out_of_memory" in run:
        return begin + "out of memory | | | |"
    return begin + (
        f"{run['seconds']:.2f} | {1000 * run['seconds_per_step']:.1f} | "
        f"{run['seconds_per_face']:.2f} | {run['peak_memory_bytes'] / 1e9:.2f} |"
    )
