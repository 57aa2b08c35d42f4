/** What is counted while the process serves: deliveries, the time of turns, and how things stand when somebody asks. */
import { AppError } from './errors.ts';
import type { Broker } from './execution/broker/broker.ts';
import { CIRCUIT_STATES } from './execution/broker/circuit.ts';
import type { Isolation } from './execution/isolation.ts';
import type { Admission } from './intake/admission.ts';
import type { Metrics } from './metrics.ts';
import type { ChatAssistant, Operations } from './model/ports.ts';
import type { Platform } from './model/principal.ts';
import { IsolationLevel } from './model/request.ts';
import type { Pipeline } from './pipeline.ts';
import type { Check } from './server.ts';

/** The same assistant, whose deliveries wait for admission and are counted. */
export function counted<A extends ChatAssistant>(assistant: A, admission: Admission, metrics: Metrics): A {
  const taken = async <R extends { duplicate: boolean } | null>(
    platform: Platform,
    take: () => Promise<R>,
  ): Promise<R> => {
    const received = await admission.admit(take).catch((error: unknown) => {
      if (error instanceof AppError && error.status === 503)
        metrics.refusedDeliveries.inc({ platform, code: error.code });
      throw error;
    });
    if (received !== null) metrics.deliveries.inc({ platform, duplicate: String(received.duplicate) });
    return received;
  };
  return {
    ...assistant,
    receive: (delivered) => taken(delivered.account.platform, () => assistant.receive(delivered)),
    edited: (platform, message) => taken(platform, () => assistant.edited(platform, message)),
  };
}

/** The same pipeline, whose turns are timed. */
export function timed(pipeline: Pipeline, metrics: Metrics): Pipeline {
  return {
    ...pipeline,
    async runTurn(turn, signal) {
      const ended = metrics.turns.startTimer();
      try {
        await pipeline.runTurn(turn, signal);
      } finally {
        ended();
      }
    },
  };
}

/** What is asked for the gauges. */
export type GaugedNow = {
  operations(): Promise<Operations>;
  isolation: Pick<Isolation, 'now'>;
  jobIsolation: Pick<Isolation, 'now'> | null;
  broker: Pick<Broker, 'upstreams'>;
  checks(): Promise<Check[]>;
  tokensLeft(): Promise<readonly unknown[]>;
};

/** Sets every gauge to how things stand now. */
export async function refreshGauges(metrics: Metrics, now: GaugedNow): Promise<void> {
  const { counts, switches } = await now.operations();
  for (const [state, count] of Object.entries(counts)) metrics.requests.set({ state }, count);
  metrics.killSwitches.set(switches.length);
  metrics.tokensLeft.set((await now.tokensLeft()).length);
  for (const level of IsolationLevel.options) {
    metrics.isolation.set({ level }, level === now.isolation.now() ? 1 : 0);
    if (now.jobIsolation) metrics.jobIsolation.set({ level }, level === now.jobIsolation.now() ? 1 : 0);
  }
  for (const { host: upstream, circuit, pausedSeconds } of now.broker.upstreams()) {
    for (const state of CIRCUIT_STATES) metrics.upstreams.set({ upstream, state }, state === circuit ? 1 : 0);
    metrics.upstreamPauses.set({ upstream }, pausedSeconds);
  }
  for (const check of await now.checks()) metrics.checks.set({ check: check.name }, check.ok ? 1 : 0);
}
