"""Several workers on one PostgreSQL: how many turns they make, what each costs, and what becomes of one that is killed,
frozen for a minute, or cut off from the network. The workers are real programs: `nearpeer run --role worker`.

    python -m bench.scale                     1, 2 and 4 workers; one killed, one frozen, two in networks of their own
    python -m bench.scale --only throughput --students 400

Every figure is judged first: each message once in the log, in the order of its chat, each answer kept once, each reply
written once. On two cores more than two workers cannot be faster: the database and the workers share them.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable

from bench import networks, postgres
from bench.conversation import STEPS
from bench.workplace import Figures, site
from storage.inbox import LEASE

FROZEN = 60.0
CUT = 45.0


def throughput(server: postgres.Server, workers: int, students: int) -> Figures:
    """Messages per second and CPU per message, in the workers and in the database, from the offer to the last turn."""
    url = server.url(server.new_database())
    with site(url, students) as school:
        for _ in range(workers):
            school.start(url)
        school.ready()
        cpu = [postgres.process_cpu(worker.pid) for worker in school.workers]
        database, began = server.cpu(), time.perf_counter()
        school.offer()
        school.drained()
        took = time.perf_counter() - began
        used = [postgres.process_cpu(w.pid) - before for w, before in zip(school.workers, cpu, strict=True)]
        database = server.cpu() - database
        judged = school.judge()
    return {
        "workers": workers,
        "messages_per_second": judged["messages"] / took,
        "worker_cpu_us": sum(used) / judged["messages"] * 1e6,
        "database_cpu_us": database / judged["messages"] * 1e6,
        "least_of_one_worker": min(used) / sum(used),
        **judged,
    }


def killed(server: postgres.Server, students: int) -> Figures:
    """Of two workers one is killed with messages in hand; the other takes them over when their lease has run out."""
    url = server.url(server.new_database())
    with site(url, students) as school:
        victim, _ = school.start(url), school.start(url)
        school.ready()
        school.offer()
        school.until(lambda: school.left() < len(school.students) * STEPS * 0.9, "nothing was done")
        victim.kill()
        victim.wait()
        in_hand = school.in_hand()
        taken_over = school.done(in_hand)
        school.drained()
        return {"in_hand": len(in_hand), "taken_over_after_s": taken_over, **school.judge()}


def frozen(server: postgres.Server, students: int, seconds: float) -> Figures:
    """Of two workers one is stopped for longer than its leases, with messages in hand, and comes back late."""
    url = server.url(server.new_database())
    with site(url, students) as school:
        victim, _ = school.start(url), school.start(url)
        school.ready()
        school.offer()
        school.until(lambda: school.left() < len(school.students) * STEPS * 0.9, "nothing was done")
        victim.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        in_hand = school.in_hand()
        taken_over = school.done(in_hand)
        school.drained()
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        victim.send_signal(signal.SIGCONT)
        time.sleep(5)  # now it brings what it had finished before it was stopped
        return {
            "in_hand": len(in_hand),
            "taken_over_after_s": taken_over,
            "frozen_s": seconds,
            "still_works": victim.poll() is None,
            **school.judge(),
        }


def apart(server: postgres.Server, students: int, seconds: float) -> Figures:
    """Two workers in network namespaces of their own, the database over TCP; the cable of one is pulled for a while."""
    with networks.two() as both:
        server.listen([net.gateway for net in both])
        name = server.new_database()
        with site(server.url(name), students) as school:
            for net in both:
                school.start(server.url(name, net.gateway), net.inside)
            school.ready()
            school.offer()
            school.until(lambda: school.left() < len(school.students) * STEPS * 0.9, "nothing was done")
            both[0].cut()
            began = time.monotonic()
            in_hand = school.in_hand()
            taken_over = school.done(in_hand)
            school.drained()
            time.sleep(max(0.0, began + seconds - time.monotonic()))
            both[0].mend()
            time.sleep(10)
            return {"in_hand": len(in_hand), "taken_over_after_s": taken_over, "cut_off_s": seconds, **school.judge()}


def wrong(figures: Figures) -> list[str]:
    """The names of the promises that did not hold."""
    promises = ("lost", "double", "chats out of order", "answers lost or double", "replies lost or double")
    return [f"{name}: {figures[name]}" for name in promises if figures[name]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=800)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--only", choices=["throughput", "killed", "frozen", "apart"])
    arguments = parser.parse_args()
    students = arguments.students
    problems = []
    with postgres.running() as server:
        cases: list[tuple[str, Callable[[], Figures]]] = [
            *(("throughput", lambda n=n: throughput(server, n, students)) for n in arguments.workers),
            ("killed", lambda: killed(server, students)),
            ("frozen", lambda: frozen(server, students, FROZEN)),
            ("apart", lambda: apart(server, students, CUT)),
        ]
        for name, case in cases:
            if arguments.only not in (None, name):
                continue
            if name == "apart" and (reason := networks.lacking()):
                print(json.dumps({"case": name, "skipped": reason}))
                continue
            figures = {"case": name, **case()}
            print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in figures.items()}), flush=True)
            problems += [f"{name}: {problem}" for problem in wrong(figures)]
    print(f"leases of {LEASE.total_seconds():.0f} s; " + ("; ".join(problems) or "nothing lost, nothing double"))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
