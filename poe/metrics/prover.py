"""A prover's own metrics: its races, its proofs, and what they bring."""

from __future__ import annotations

from poe.metrics.definer import Definer

CANCEL_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
LEAD_SECONDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 6, 12, 30)
MARGIN_BLOCKS = (0, 1, 2, 3, 5, 8, 13, 21)


class ProverMetrics:
    """Group `prover`."""

    def _define_prover(self, define: Definer) -> None:
        define.open_group("prover")
        self._define_proofs(define)
        self._define_races(define)
        self._define_money(define)

    def _define_proofs(self, define: Definer) -> None:
        self.proof_phase_seconds = define.histogram(
            "poe_prover_phase_seconds",
            "Seconds a finished proof spent in each phase: witness, prove, verify.",
            ["phase"],
        )
        self.proof_seconds = define.histogram(
            "poe_prover_proof_seconds",
            "Seconds from the start of a proof to its self-check, finished proofs only.",
        )
        self.cancel_seconds = define.histogram(
            "poe_prover_cancel_seconds",
            "Seconds from seeing a rival's win to our worker being idle again.",
            buckets=CANCEL_SECONDS,
        )
        self.proving = define.gauge("poe_prover_proving", "Proofs being made right now.")
        self.wasted_core_seconds = define.counter(
            "poe_prover_wasted_core_seconds_total",
            "CPU seconds of proving that we were not paid for: all that did not win. Under an award policy a proof that"
            " was taken counts once another is paid (outdrawn), not while that is open (contended).",
        )
        self.wasted_proof_seconds = define.counter(
            "poe_prover_wasted_proof_seconds_total",
            "Seconds of proving, by the clock, that we were not paid for, counted like the CPU seconds.",
        )

    def _define_races(self, define: Definer) -> None:
        self.races = define.counter(
            "poe_prover_races_total",
            "Races this prover entered, by how they ended (won, late, cancelled, failed, shadow) and the code"
            " that says why. It is this process's own view; wins that count are `poe_prover_wins`.",
            ["outcome", "code"],
        )
        self.race_stage_seconds = define.histogram(
            "poe_prover_stage_seconds",
            "Seconds of a race by our clock: wait (seen to started), prove (started to finished proof), land"
            " (finished proof to the end, won races).",
            ["stage"],
        )
        self.margin_seconds = define.histogram(
            "poe_prover_margin_seconds",
            "How close a lost race was. ready: seconds that our finished proof lay there when the race was lost."
            " behind: seconds that our unfinished proof still needed, by our median.",
            ["side"],
        )
        self.margin_blocks = define.histogram(
            "poe_prover_margin_blocks",
            "L1 blocks from the winner's to our refused transaction, where one was mined; 0 is the same block.",
            buckets=MARGIN_BLOCKS,
        )
        self.sitting_out = define.gauge(
            "poe_prover_sitting_out", "1 while no race is worth it or a limit holds us back, else 0."
        )
        self.batches_heard = define.counter(
            "poe_prover_batches_heard_total", "Batches by who told of them first: gossip or l1.", ["source"]
        )
        self.gossip_lead_seconds = define.histogram(
            "poe_prover_gossip_lead_seconds",
            "Seconds by which gossip told of a batch before L1 did.",
            buckets=LEAD_SECONDS,
        )

    def _define_money(self, define: Definer) -> None:
        self.wins = define.gauge(
            "poe_prover_wins", "Batches that paid our payee, by L1 events alone; a reorg takes them back."
        )
        self.prover_rewards_wei = define.gauge(
            "poe_prover_rewards_wei", "Rewards of those batches, in Wei, tips included."
        )
        self.proofs_left = define.gauge(
            "poe_prover_proofs_left", "Proofs that our L1 balance can land at today's gas price."
        )
