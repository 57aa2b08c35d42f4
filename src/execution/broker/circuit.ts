/**
 * A circuit per upstream: one that failed several times in a row is left alone for a while, then asked once. So a dead
 * system costs each request a sentence instead of twenty seconds, and one that comes back is not run over.
 */
import type { Clock } from './clock.ts';
import { EgressRefused } from './refusal.ts';

/** One execution makes up to three tries of a read: a single unlucky call does not open it, the second one does. */
export const FAILURES_TO_OPEN = 5;
/** As long as a restart takes; whoever asked is told the seconds and can ask again. */
export const OPEN_MS = 30_000;
/** What those are told who come while one call tries whether it works again; as long as an ordinary call takes. */
const PROBING_SECONDS = 5;

export const CIRCUIT_STATES = ['closed', 'open', 'half_open'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];
/** `none`: the call ended for a reason that says nothing about the upstream. */
export type Verdict = 'answered' | 'failed' | 'none';

type Circuit = { failures: number; openedMs: number | null; probing: boolean; turn: number };

const closed = (turn: number): Circuit => ({ failures: 0, openedMs: null, probing: false, turn });

export function createCircuits(clock: Pick<Clock, 'nowMs'>) {
  const circuits = new Map<string, Circuit>();

  function of(host: string): Circuit {
    const known = circuits.get(host) ?? closed(0);
    circuits.set(host, known);
    return known;
  }

  function stateOf({ openedMs }: Circuit): CircuitState {
    if (openedMs === null) return 'closed';
    return clock.nowMs() - openedMs < OPEN_MS ? 'open' : 'half_open';
  }

  function settle(host: string, circuit: Circuit, verdict: Verdict): void {
    circuit.probing = false;
    if (verdict === 'answered' && circuit.openedMs !== null) circuits.set(host, closed(circuit.turn + 1));
    if (verdict === 'answered') circuit.failures = 0;
    if (verdict !== 'failed') return;
    circuit.failures += 1;
    if (circuit.openedMs !== null || circuit.failures >= FAILURES_TO_OPEN) {
      circuits.set(host, { ...circuit, openedMs: clock.nowMs(), turn: circuit.turn + 1 });
    }
  }

  return {
    /** Lets one call pass, and takes its verdict once. Throws `circuit_open`; nothing has left by then. */
    enter(host: string): (verdict: Verdict) => void {
      const circuit = of(host);
      const state = stateOf(circuit);
      if (state === 'open') {
        const leftMs = OPEN_MS - (clock.nowMs() - (circuit.openedMs ?? 0));
        throw EgressRefused.later('circuit_open', leftMs);
      }
      if (state === 'half_open') {
        if (circuit.probing) throw EgressRefused.later('circuit_open', PROBING_SECONDS * 1_000);
        circuit.probing = true;
      }
      return (verdict) => {
        // A call that began before the circuit opened or closed says nothing about what is now.
        if (circuits.get(host)?.turn === circuit.turn) settle(host, circuit, verdict);
      };
    },
    stateOf: (host: string): CircuitState => stateOf(of(host)),
  };
}
export type Circuits = ReturnType<typeof createCircuits>;
