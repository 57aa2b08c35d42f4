/** Prometheus metrics: few, with labels from closed sets only. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** Seconds; a turn is milliseconds without a model and many seconds with one. */
const TURN_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    deliveries: new Counter({
      name: 'countersign_deliveries_total',
      help: 'Deliveries stored, by platform and whether they came again.',
      labelNames: ['platform', 'duplicate'],
      registers,
    }),
    refusedDeliveries: new Counter({
      name: 'countersign_deliveries_refused_total',
      help: 'Deliveries that were not stored, to be sent again, by platform and code.',
      labelNames: ['platform', 'code'],
      registers,
    }),
    turns: new Histogram({
      name: 'countersign_turn_seconds',
      help: 'From taking up a turn to its answer.',
      buckets: TURN_BUCKETS,
      registers,
    }),
    decisions: new Counter({
      name: 'countersign_decisions_total',
      help: "People's decisions, by what they wanted and what became of it.",
      labelNames: ['decision', 'outcome'],
      registers,
    }),
    executions: new Counter({
      name: 'countersign_executions_total',
      help: 'Executions that ended, by action and state.',
      labelNames: ['action', 'state'],
      registers,
    }),
    credentialFailures: new Counter({
      name: 'countersign_credential_failures_total',
      help: 'Credentials that could not be had, renewed or taken over, by code.',
      labelNames: ['code'],
      registers,
    }),
    defects: new Counter({
      name: 'countersign_defects_total',
      help: 'Unexpected failures; each is in the log with its stack.',
      registers,
    }),
    requests: new Gauge({
      name: 'countersign_requests',
      help: 'Requests that are open now, by state.',
      labelNames: ['state'],
      registers,
    }),
    isolation: new Gauge({
      name: 'countersign_isolation_level',
      help: '1 for the level that the self-attack established.',
      labelNames: ['level'],
      registers,
    }),
    jobIsolation: new Gauge({
      name: 'countersign_job_isolation_level',
      help: '1 for the level that the self-attack established for jobs of the built-in runner.',
      labelNames: ['level'],
      registers,
    }),
    upstreams: new Gauge({
      name: 'countersign_upstream_circuit',
      help: '1 for the state of the circuit of an outside system: closed, open (left alone), half_open (tried once).',
      labelNames: ['upstream', 'state'],
      registers,
    }),
    upstreamPauses: new Gauge({
      name: 'countersign_upstream_pause_seconds',
      help: 'For how long an outside system asked to be left alone.',
      labelNames: ['upstream'],
      registers,
    }),
    tokensLeft: new Gauge({
      name: 'countersign_tokens_left_behind',
      help: 'Tokens made on demand that may still open something though nobody holds them any more.',
      registers,
    }),
    checks: new Gauge({
      name: 'countersign_check_ok',
      help: '1 where a readiness check holds.',
      labelNames: ['check'],
      registers,
    }),
    killSwitches: new Gauge({
      name: 'countersign_kill_switches',
      help: 'Kill switches that are on.',
      registers,
    }),
  };
}
